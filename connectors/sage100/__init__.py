"""Sage 100: the client of our Windows agent, and a strict stand-in of that agent."""
