"""What an event table must fulfil, one small function per fault, gathered in tuples by theme."""
