"""Where clips come from: microphones, files, a pipe, a page of a browser. One seam, several sources."""
