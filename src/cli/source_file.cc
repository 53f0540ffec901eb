#include "cli/source_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/crc32c.h"

namespace forebay::cli {
namespace {

constexpr char kFormat[] = "file1 %zu %08x";

// Its first bytes, fewer when it has fewer.
Result<std::vector<std::byte>> first_bytes(int descriptor, std::size_t count) {
  std::vector<std::byte> bytes(count);
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = ::pread(descriptor, bytes.data() + have, count - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error{ErrorCode::kStorageFailed, std::string("cannot read the input: ") + std::strerror(errno)};
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

std::string identity_of(const std::vector<std::byte>& bytes) {
  char text[48];
  std::snprintf(text, sizeof(text), kFormat, bytes.size(), crc32c(bytes));
  return text;
}

}  // namespace

Result<std::string> file_identity(int descriptor) {
  FOREBAY_TRY(const auto bytes, first_bytes(descriptor, kIdentityBytesMax));
  return identity_of(bytes);
}

bool has_identity(int descriptor, std::string_view identity) {
  std::size_t count = 0;
  unsigned crc = 0;
  if (std::sscanf(std::string(identity).c_str(), kFormat, &count, &crc) != 2 || count > kIdentityBytesMax)
    return false;
  const auto bytes = first_bytes(descriptor, count);
  return bytes && identity_of(*bytes) == identity;
}

}  // namespace forebay::cli
