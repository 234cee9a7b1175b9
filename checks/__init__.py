"""Where theory and simulation meet: experiments, verdicts, journal, command line."""
