// A file system whose operations pass fail points first: crashes, delays and I/O errors at a chosen place of
// the real program, also where io_uring hides the calls from everything outside. The names are
// <what>.<operation>:
//   what:       journal (files below journal/), segment (*.log), index (*.idx), other
//   operation:  create, write, sync, read, rename, remove
// An asynchronous operation that is to wait begins later, as on a slow disk: the shard goes on meanwhile. A
// durable write passes the write's point before and the sync's behind: an error there is that of a sync whose
// bytes are in the page cache.
// Thread rules: those of the file system below.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "io/fail_points.h"
#include "io/file_system.h"
#include "runtime/executor.h"

namespace forebay::io {

[[nodiscard]] std::span<const std::string_view> file_system_fail_points();

// `points` and `executor`, on which asynchronous operations are made, outlive the file system. With no points
// set it is `below` itself: nothing is paid for what is not used.
[[nodiscard]] std::unique_ptr<FileSystem> with_fail_points(std::unique_ptr<FileSystem> below,
                                                           const FailPoints& points,
                                                           runtime::Executor& executor);

}  // namespace forebay::io
