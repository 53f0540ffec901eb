// A Protobuf schema: one file with what it imports, resolved by protobuf's own compiler library. Pure;
// immutable once parsed, so any thread may read it. The library's headers stay in the .cc files.
#pragma once

#include <cstddef>
#include <memory>

namespace google::protobuf {
class DescriptorPool;
class FileDescriptor;
}  // namespace google::protobuf

namespace forebay::schema::protobuf {

// Of its own: nothing that is linked into the process is visible in it, but for the well-known types.
using PoolPtr = std::shared_ptr<const google::protobuf::DescriptorPool>;

struct Schema {
  PoolPtr pool;
  const google::protobuf::FileDescriptor* file = nullptr;  // in the pool
  std::size_t memory_bytes = 0;                            // roughly, of the pool
};

}  // namespace forebay::schema::protobuf
