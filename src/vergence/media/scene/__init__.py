"""Files of a scene seen by several cameras: points, a mesh, poses.

In memory everything has OpenCV axes: cameras look along z with y down, and so does the world. What files mean:

| format                    | camera                    | world                                                       |
|---------------------------|---------------------------|-------------------------------------------------------------|
| .glb (glTF 2.0)           | looks along -z, y up      | y up: x right, y up, z towards the viewer                   |
| COLMAP (.bin, .txt)       | as memory, from the world | as memory                                                   |
| transforms.json           | looks along -z, y up      | z up: x right, y forward; `applied_transform` says how      |
| .npz                      | as memory, to the world   | as memory                                                   |
| our .json                 | as memory, to the world   | as memory                                                   |
"""
