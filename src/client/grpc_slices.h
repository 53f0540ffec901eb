// Between our shared bytes and gRPC's slices, without copying. For .cc files that include gRPC anyway.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <memory>
#include <vector>

#include "base/shared_bytes.h"
#include "client/wire.h"

namespace forebay::client {

[[nodiscard]] inline grpc::Slice slice_of(const SharedBytes& bytes) {
  auto* owner = new std::shared_ptr<const void>(bytes.owner());
  return grpc::Slice(
      const_cast<std::byte*>(bytes.data()), bytes.size(),  // gRPC only reads
      [](void* held) { delete static_cast<std::shared_ptr<const void>*>(held); }, owner);
}

// Takes over the buffer's slices.
[[nodiscard]] inline ScatteredBytes scattered(const grpc::ByteBuffer& buffer) {
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  ScatteredBytes out;
  if (!buffer.Dump(slices.get()).ok()) return out;
  out.pieces.reserve(slices->size());
  for (const grpc::Slice& slice : *slices) {
    out.pieces.emplace_back(reinterpret_cast<const std::byte*>(slice.begin()), slice.size());
  }
  out.owner = std::move(slices);
  return out;
}

}  // namespace forebay::client
