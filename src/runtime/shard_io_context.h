// The inside of a Shard, for .cc files that watch descriptors or sockets on its thread (io, peer transport,
// http). Never include it from a header: it brings Asio.
#pragma once

#include <asio/io_context.hpp>

#include "runtime/shard.h"
#include "runtime/turn_hook.h"

namespace forebay::runtime {

[[nodiscard]] asio::io_context& io_context_of(Shard& shard);

}  // namespace forebay::runtime
