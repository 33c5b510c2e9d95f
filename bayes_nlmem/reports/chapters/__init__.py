"""The sections of a report, one function each: a fit goes in, a `Section` comes out."""
