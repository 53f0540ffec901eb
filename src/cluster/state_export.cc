#include "cluster/state_export.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "cluster/core/features.h"
#include "cluster/image_store.h"
#include "log/core/wire.h"

namespace forebay::cluster {
namespace {

constexpr std::string_view kMagic = "FBSTATE\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kEntryBytesMin = 8;  // two lengths
constexpr std::size_t kHeadBytes = kMagic.size() + sizeof(std::uint32_t);
constexpr std::size_t kCrcBytes = 4;

// The entries, as if they were in a store.
class EntriesView final : public kv::View {
 public:
  explicit EntriesView(const StoreEntries& entries) : entries_(entries) {}
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    const auto at = entries_.find(std::string(key));
    return at == entries_.end() ? std::optional<std::string>() : std::optional(at->second);
  }
  [[nodiscard]] Result<void> scan(const kv::KeyRange& range, Visitor visit) const override {
    for (auto at = entries_.lower_bound(range.begin); at != entries_.end(); ++at) {
      if (!range.contains(at->first) || !visit(at->first, at->second)) break;
    }
    return {};
  }

 private:
  const StoreEntries& entries_;
};

Error corrupt(const std::string& what) {
  return Error{ErrorCode::kCorruptBatch, "the state of __cluster as another node has sent it " + what};
}

Result<StoreEntries> read_entries(log::WireReader& in) {
  StoreEntries entries;
  const std::uint32_t count = in.count(kEntryBytesMin);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    const auto key_bytes = in.get<std::uint32_t>();
    const ByteSpan key = in.bytes(key_bytes);
    const auto value_bytes = in.get<std::uint32_t>();
    const ByteSpan value = in.bytes(value_bytes);
    if (key.size() > kv::kKeyBytesMax) return corrupt("has a key that is too long");
    const bool is_new = entries.emplace(as_text(key), as_text(value)).second;
    if (!is_new && !in.failed()) return corrupt("has an entry twice");
  }
  if (!in.finished()) return corrupt("has a wrong length");
  return entries;
}

}  // namespace

std::string encode_state(const ClusterImage& image) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.bytes(as_bytes(kMagic));
  out.put(kVersion);
  const StoreEntries entries = entries_of(image);
  out.put(static_cast<std::uint32_t>(entries.size()));
  for (const auto& [name, value] : entries) {
    out.put(static_cast<std::uint32_t>(name.size()));
    out.bytes(as_bytes(name));
    out.put(static_cast<std::uint32_t>(value.size()));
    out.bytes(as_bytes(value));
  }
  out.put(crc32c(bytes));
  return std::string(as_text(bytes));
}

Result<ClusterImage> decode_state(ByteSpan bytes) {
  if (bytes.size() < kHeadBytes + kCrcBytes || as_text(bytes.first(kMagic.size())) != kMagic)
    return corrupt("is none");
  // First of all: what another version means by the rest, the checksum's place included, is not known.
  if (const auto version = load_le<std::uint32_t>(bytes.data() + kMagic.size()); version != kVersion) {
    return Error{ErrorCode::kNewerFormat, "the state of __cluster comes in version " +
                                              std::to_string(version) + ", this program knows " +
                                              std::to_string(kVersion)};
  }
  const ByteSpan body = bytes.first(bytes.size() - kCrcBytes);
  if (load_le<std::uint32_t>(bytes.data() + body.size()) != crc32c(body))
    return corrupt("has a wrong checksum");
  log::WireReader in(body.subspan(kHeadBytes));
  FOREBAY_TRY(const StoreEntries entries, read_entries(in));
  // Before the rest, which may be what this version cannot read.
  FOREBAY_TRY(const Features features, load_features(EntriesView(entries)));
  FOREBAY_CHECK(check_readable(features, FOREBAY_VERSION));
  auto image = load_image(EntriesView(entries));
  if (!image) return corrupt("cannot be read: " + image.error().context);
  // Whatever else is in there was not understood, or stands in the wrong place.
  const StoreEntries again = entries_of(*image);
  const bool same = again.size() == entries.size() && image->topics.size() == image->by_id.size() &&
                    std::equal(again.begin(), again.end(), entries.begin(),
                               [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!same) return corrupt("has entries that belong to nothing");
  if (image->cluster_id.is_nil() || image->applied < model::Offset(0)) return corrupt("is of no cluster");
  return image;
}

kv::WriteBatch replace_store_by(const ClusterImage& image) {
  kv::WriteBatch batch;
  batch.remove_range(kv::KeyRange::prefix(kStorePrefix));
  for (auto& [name, value] : entries_of(image)) batch.put(name, value);
  return batch;
}

}  // namespace forebay::cluster
