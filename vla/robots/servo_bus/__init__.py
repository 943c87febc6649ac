"""A twin of the SO-101's servo bus: Feetech STS3215 servos on a pseudo-terminal, believed by the unmodified driver."""
