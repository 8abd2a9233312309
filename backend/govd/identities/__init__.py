"""Who is who: agents, executors and operators, three kinds of identity that never stand in for one another."""
