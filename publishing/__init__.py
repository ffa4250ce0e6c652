"""What leaves the mesh: events so far."""
