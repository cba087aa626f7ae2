"""The fast way to convolve, as optional reading: `conv` says what is computed, `unfold` shows the obvious way.

`strips` holds the products, `wide` those of large images, and `geometry` says where a kernel lies. Their words:

- A **visit** is one position of the kernel over an axis of the image; each gives one output. There are oh visits to the
  rows of an image and ow to its columns.
- A **tap** is one position inside the kernel: u of its kh rows, v of its kw columns. In some visits a tap lies on an
  element of the image, in others on a zero beside it.
- A **band** is a run of visits with the same taps on the image. Most visits form one band; those near an edge form
  others. A band multiplies only what it sees, never the zeros beside the image.
- A **strip** is what one row of the kernel sees of one row of the image in all visits, copied side by side as the rows
  of a matrix.
- A **phase** is every s-th row or column from some offset on, where s is the stride.
"""
