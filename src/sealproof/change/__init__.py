"""Change control: two releases compared claim by claim, and a release made again from a fresh clone."""
