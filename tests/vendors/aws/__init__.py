"""The AWS room: the client against the simulated AWS, over real sockets."""
