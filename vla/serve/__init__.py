"""Policies over the network: a server that speaks openpi's protocol, and the client that a robot uses."""
