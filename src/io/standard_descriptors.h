// Standard input, output and error of a program that may have been started with some of them closed.
#pragma once

namespace forebay::io {

// A program that links this opens those of the descriptors 0, 1 and 2 that are closed before anything else
// can take their number: what is written to standard error would go into that file, and what comes out of
// that socket would be taken for standard input. Reading standard input and writing the others goes on
// failing (EBADF). Call it first in main(). False: it could not be done, nothing may be opened.
[[nodiscard]] bool standard_descriptors_are_reserved();

}  // namespace forebay::io
