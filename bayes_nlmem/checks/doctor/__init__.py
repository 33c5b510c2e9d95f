"""A doctor for the sampler: one module for each family of causes; each rule looks at a `Case`."""
