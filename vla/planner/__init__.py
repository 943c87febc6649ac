"""Planners: from the user's words and camera frames to one subgoal at a time."""
