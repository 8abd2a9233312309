"""Who is who: agents, executors, operators, three kinds of identity that never stand in for one another."""
