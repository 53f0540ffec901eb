#include "cli/source_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <sstream>
#include <utility>

#include "base/crc32c.h"

namespace forebay::cli {
namespace {

// file1 had no words behind them.
constexpr char kFormat[] = "file2 %zu %08x";
constexpr char kAnyFormat[] = "file%u %zu %08x";
constexpr std::size_t kWindowBytes = 256 * 1024;
constexpr char kOtherName[] = "take another name to send all of it once more";

struct Head {
  unsigned version = 0;
  std::size_t count = 0;
  unsigned crc = 0;
};

std::optional<Head> head_of(std::string_view identity) {
  Head head;
  if (std::sscanf(std::string(identity).c_str(), kAnyFormat, &head.version, &head.count, &head.crc) != 3 ||
      head.version < 1 || head.version > 2 || head.count > kIdentityBytesMax)
    return std::nullopt;
  return head;
}

// From there on, fewer when there are fewer. Returns how many.
Result<std::size_t> read_at(int descriptor, std::uint64_t at, std::span<std::byte> bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got =
        ::pread(descriptor, bytes.data() + have, bytes.size() - have, static_cast<off_t>(at + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error{ErrorCode::kStorageFailed, std::string("cannot read the input: ") + std::strerror(errno)};
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

Result<std::vector<std::byte>> first_bytes(int descriptor, std::size_t count) {
  std::vector<std::byte> bytes(count);
  FOREBAY_TRY(const std::size_t have, read_at(descriptor, 0, bytes));
  bytes.resize(have);
  return bytes;
}

using Words = std::array<std::pair<std::string, std::string>, 4>;

// An option of any length in a few letters.
std::string digest(const std::optional<std::string>& text) {
  if (!text) return "-";
  char digits[9];
  std::snprintf(digits, sizeof(digits), "%08x", crc32c(as_bytes(*text)));
  return digits;
}

Words words_of(const LinePlacement& placement) {
  return {{{"--format", placement.format},
           {"--key-field", digest(placement.key_field)},
           {"--key-separator", digest(placement.key_separator)},
           {"--partition", placement.partition ? std::to_string(*placement.partition) : "-"}}};
}

Error refusal(std::string text) { return Error{ErrorCode::kFailedPrecondition, std::move(text)}; }

// Goes through the file once, from place to place.
class SentCheck {
 public:
  SentCheck(int descriptor, const std::string& file) : descriptor_(descriptor), file_(file) {}

  Result<void> go_on_to(std::size_t partition, const SourcePlace& place) {
    FOREBAY_CHECK(sum_up_to(place.position));
    const std::string where = "byte " + std::to_string(place.position) + ", up to which partition " +
                              std::to_string(partition) + " has it under this name";
    if (at_ < place.position) {
      return refusal(file_ + " has " + std::to_string(at_) + " bytes and ends before " + where +
                     ": it was cut; " + kOtherName);
    }
    if (place.checksum && *place.checksum != sum_) {
      return refusal(file_ + " has changed before " + where + ": lines would be left out, or sent twice; " +
                     kOtherName);
    }
    std::byte next{};
    FOREBAY_TRY(const std::size_t more, read_at(descriptor_, place.position, {&next, 1}));
    if (more == 0 || next == std::byte{'\n'}) return {};
    if (!place.checksum) return refusal(file_ + " has changed: no line ends at " + where + "; " + kOtherName);
    return refusal(
        file_ + " goes on in the middle of a line behind " + where +
        ": that line was the last one, and was sent before it was whole. Nothing was sent now. To go "
        "on behind it put a line end after that byte, and what follows is a record of its own; or " +
        kOtherName);
  }

 private:
  Result<void> sum_up_to(std::uint64_t end) {
    std::vector<std::byte> window(kWindowBytes);
    while (at_ < end) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(end - at_, window.size()));
      FOREBAY_TRY(const std::size_t got, read_at(descriptor_, at_, std::span(window).first(count)));
      sum_ = crc32c_extend(sum_, std::span(window).first(got));
      at_ += got;
      if (got < count) break;
    }
    return {};
  }
  int descriptor_;
  const std::string& file_;
  std::uint64_t at_ = 0;
  std::uint32_t sum_ = 0;
};

}  // namespace

Result<std::string> file_identity(int descriptor, const LinePlacement& placement) {
  FOREBAY_TRY(const auto bytes, first_bytes(descriptor, kIdentityBytesMax));
  char head[48];
  std::snprintf(head, sizeof(head), kFormat, bytes.size(), crc32c(bytes));
  std::string identity = head;
  for (const auto& [option, value] : words_of(placement)) identity += ' ' + value;
  return identity;
}

bool has_identity(int descriptor, std::string_view identity) {
  const auto head = head_of(identity);
  if (!head) return false;
  const auto bytes = first_bytes(descriptor, head->count);
  return bytes && bytes->size() == head->count && crc32c(*bytes) == head->crc;
}

std::optional<std::string> changed_option(std::string_view identity, const LinePlacement& placement) {
  const auto head = head_of(identity);
  if (!head || head->version == 1) return std::nullopt;
  std::istringstream words{std::string(identity)};
  std::string word;
  for (int before = 0; before < 3; ++before) words >> word;
  for (const auto& [option, value] : words_of(placement)) {
    if (!(words >> word) || word != value) return option;
  }
  return std::nullopt;
}

Result<void> check_sent(int descriptor, const std::string& file,
                        const std::vector<std::optional<SourcePlace>>& stored) {
  std::vector<std::size_t> order;
  for (std::size_t partition = 0; partition < stored.size(); ++partition) {
    if (stored[partition]) order.push_back(partition);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return stored[a]->position < stored[b]->position; });
  SentCheck check(descriptor, file);
  for (const std::size_t partition : order) FOREBAY_CHECK(check.go_on_to(partition, *stored[partition]));
  return {};
}

}  // namespace forebay::cli
