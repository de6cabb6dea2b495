"""What members can do, a package or a file each, with `setup(bot)`."""
