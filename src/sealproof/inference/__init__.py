"""A detector at work: patches of a data set, or one image, to scores."""
