"""Files of pictures: those that come in, and those that go out."""
