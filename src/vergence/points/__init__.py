"""Point clouds: fewer points, cleaner ones, several views in one, and triangles between them."""
