"""What is seen and pressed. Knows no service."""
