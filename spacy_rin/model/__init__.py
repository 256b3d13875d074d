"""The network: what it reads, how it is built, and how it is saved."""
