"""Files of 3-D Gaussians; `open` is the door to them.

In memory a world has OpenCV axes: x right, y down, z forward. What files mean:

| format              | axes              | opens right-side-up in                                                |
|---------------------|-------------------|-----------------------------------------------------------------------|
| .ply, .splat,       | y down, as memory | SuperSplat (which turns them 180 degrees about z), the INRIA viewer;  |
| .compressed.ply     |                   | in Spark and three.js after `mesh.quaternion.set(1, 0, 0, 0)`         |
| .spz                | x right, y up, z  | Spark and three.js as it is, Scaniverse, whoever follows the format's |
|                     | to the viewer     | specification ("RUB"); some files of others hold the axes of PLY      |
"""
