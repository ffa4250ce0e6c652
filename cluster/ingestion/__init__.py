"""`pmoves ingest`: on the mesh of this home, without a mesh, or over HTTP."""
