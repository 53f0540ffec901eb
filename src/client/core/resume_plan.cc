#include "client/core/resume_plan.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"
#include "base/murmur2.h"

namespace forebay::client {
namespace {

constexpr char kSourceVersion = 1;
constexpr std::size_t kIdentityAt = 5;
constexpr std::size_t kPositionBytes = 8;
constexpr std::size_t kChecksumBytes = 4;

struct Source {
  std::int32_t partition_count;
  std::string identity;
};

std::string text_of(const std::byte* bytes, std::size_t size) { return std::string(as_text({bytes, size})); }

std::optional<Source> decode_source(std::string_view encoded) {
  if (encoded.size() < kIdentityAt || encoded.front() != kSourceVersion) return std::nullopt;
  return Source{load_be<std::int32_t>(as_bytes(encoded).data() + 1),
                std::string(encoded.substr(kIdentityAt))};
}

std::optional<SourcePlace> decode_position(std::string_view encoded) {
  const std::byte* bytes = as_bytes(encoded).data();
  if (encoded.size() == kPositionBytes) return SourcePlace(load_be<std::uint64_t>(bytes));
  if (encoded.size() != kPositionBytes + kChecksumBytes) return std::nullopt;
  return SourcePlace(load_be<std::uint64_t>(bytes), load_be<std::uint32_t>(bytes + kPositionBytes));
}

// Nothing is the least.
bool is_before(const std::optional<SourcePlace>& a, const std::optional<SourcePlace>& b) {
  return b && (!a || a->position < b->position);
}
std::optional<std::uint64_t> position_of(const std::optional<SourcePlace>& place) {
  return place ? std::optional(place->position) : std::nullopt;
}

Error refusal(std::string text) {
  return Error{
      ErrorCode::kFailedPrecondition,
      std::move(text) + "; take another name to send all of the source once more, from its beginning"};
}

}  // namespace

std::string encode_source(std::string_view identity, std::int32_t partition_count) {
  std::byte count[4];
  store_be(count, partition_count);
  return kSourceVersion + text_of(count, sizeof(count)) + std::string(identity);
}

std::string encode_position(const SourcePlace& place) {
  std::byte bytes[kPositionBytes + kChecksumBytes];
  store_be(bytes, place.position);
  if (!place.checksum) return text_of(bytes, kPositionBytes);
  store_be(bytes + kPositionBytes, *place.checksum);
  return text_of(bytes, sizeof(bytes));
}

std::int32_t partition_for_position(std::uint64_t position, std::int32_t partition_count) {
  return partition_for_key(as_bytes(encode_position(position)), partition_count);
}

Result<ResumePlan> plan_resume(const std::vector<StoredPosition>& partitions, std::int32_t partition_count,
                               std::string_view identity,
                               const std::function<bool(std::string_view)>& is_same_source) {
  ResumePlan plan;
  plan.identity = identity;
  plan.stored.resize(static_cast<std::size_t>(partition_count));
  for (const StoredPosition& one : partitions) {
    const std::string where = "partition " + std::to_string(one.partition);
    const auto source = decode_source(one.source);
    const auto place = decode_position(one.position);
    if (!source || !place || one.partition < 0 || one.partition >= partition_count) {
      return refusal(where +
                     " has a position that this version does not understand: a newer version, or another "
                     "client, has used the name");
    }
    if (source->partition_count != partition_count) {
      return refusal("the topic has " + std::to_string(partition_count) + " partitions, and had " +
                     std::to_string(source->partition_count) +
                     " when this name was used last: records would go to other partitions than before");
    }
    const bool same = is_same_source ? is_same_source(source->identity) : source->identity == identity;
    if (!same) return refusal("what " + where + " has under this name comes from another source");
    plan.identity = source->identity;
    plan.stored[static_cast<std::size_t>(one.partition)] = place;
  }
  plan.start_after = position_of(*std::min_element(plan.stored.begin(), plan.stored.end(), is_before));
  plan.furthest = position_of(*std::max_element(plan.stored.begin(), plan.stored.end(), is_before));
  return plan;
}

}  // namespace forebay::client
