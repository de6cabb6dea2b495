"""What is computed: Janus-Pro's parts, written for many rows of a cache at once, and the upscaler."""
