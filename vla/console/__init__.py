"""The console: a web page through which people command the robot.

A process of its own serves the page (`server`, `hub`), so that browsers cannot hold up the control loop; the process
that was started has the session (`host`). Between them are a pipe for messages, shared memory for frames, and two
numbers for the stop.
"""
