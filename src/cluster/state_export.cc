#include "cluster/state_export.h"

#include <algorithm>

#include "cluster/core/features.h"
#include "cluster/image_store.h"
#include "machine/core/state_codec.h"

namespace forebay::cluster {
namespace {

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

}  // namespace

std::string encode_state(const ClusterImage& image) { return machine::encode_state(entries_of(image)); }

Result<ClusterImage> decode_state(ByteSpan bytes) {
  FOREBAY_TRY(const StoreEntries entries, machine::decode_state(bytes));
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
