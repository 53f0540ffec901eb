#include "cluster/image_store.h"

#include <charconv>
#include <utility>

#include "cluster/cluster_codec.h"

namespace forebay::cluster {
namespace {

// Numbers are text, so that a dump can be read.
constexpr std::string_view kClusterIdKey = "cluster/id";
constexpr std::string_view kNextProducerIdKey = "cluster/next-producer-id";
constexpr std::string_view kTopicPrefix = "cluster/topic/";
constexpr std::string_view kDeletingPrefix = "cluster/deleting/";
constexpr std::string_view kBrokerPrefix = "cluster/broker/";
constexpr std::string_view kProducerIdsPrefix = "cluster/producer-ids/";    // "<first> <count>"
constexpr std::string_view kProducerNamePrefix = "cluster/producer-name/";  // "<id> <epoch>"
constexpr std::string_view kRetiredPrefix = "cluster/retired/";             // by disk: the node
constexpr std::string_view kFeaturePrefix = "cluster/feature/";

std::string key(std::string_view prefix, const model::Uuid& id) {
  return std::string(prefix) + id.to_string();
}
std::string key(std::string_view prefix, model::NodeId node) {
  return std::string(prefix) + std::to_string(node.value());
}

Error unreadable(std::string_view entry, std::string_view value) {
  return Error{ErrorCode::kDataLoss, "the metadata store's entry " + std::string(entry) +
                                         " cannot be read: " + std::string(value.substr(0, 64))};
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

// Each entry under the prefix, with the rest of its key; stops at the first error.
template <typename Take>
Result<void> load_each(const kv::View& store, std::string_view prefix, Take take) {
  Result<void> taken;
  FOREBAY_CHECK(store.scan(kv::KeyRange::prefix(prefix), [&](std::string_view name, std::string_view value) {
    taken = take(name.substr(prefix.size()), value);
    if (!taken && taken.error().code == ErrorCode::kDataLoss) taken = unreadable(name, value);
    return taken.has_value();
  }));
  return taken;
}

const Error kBadEntry{ErrorCode::kDataLoss, {}};

Result<void> load_brokers(const kv::View& store, ClusterImage& image) {
  FOREBAY_CHECK(
      load_each(store, kBrokerPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
        FOREBAY_TRY(auto broker, decode_broker(as_bytes(value)));
        image.brokers.emplace(broker.registration.node, std::move(broker));
        return {};
      }));
  FOREBAY_CHECK(
      load_each(store, kRetiredPrefix, [&](std::string_view name, std::string_view value) -> Result<void> {
        const auto disk = model::Uuid::parse(name);
        const auto node = number_of<std::uint32_t>(value);
        if (!disk || !node) return kBadEntry;
        image.retired.emplace(*disk, model::NodeId(*node));
        return {};
      }));
  return load_each(
      store, kProducerIdsPrefix, [&](std::string_view name, std::string_view value) -> Result<void> {
        const auto node = number_of<std::uint32_t>(name);
        const std::size_t space = value.find(' ');
        if (!node || space == std::string_view::npos) return kBadEntry;
        const auto first = number_of<std::int64_t>(value.substr(0, space));
        const auto count = number_of<std::uint32_t>(value.substr(space + 1));
        if (!first || !count) return kBadEntry;
        image.producer_ids.emplace(model::NodeId(*node), ProducerIds{model::ProducerId(*first), *count});
        return {};
      });
}

Result<void> load_producer_names(const kv::View& store, ClusterImage& image) {
  std::vector<ProducerNames::Entry> entries;
  FOREBAY_CHECK(load_each(
      store, kProducerNamePrefix, [&](std::string_view name, std::string_view value) -> Result<void> {
        // ID EPOCH, and the id before when there was one.
        const std::size_t space = value.find(' ');
        if (name.empty() || space == std::string_view::npos) return kBadEntry;
        const std::size_t second = value.find(' ', space + 1);
        const auto id = number_of<std::int64_t>(value.substr(0, space));
        const auto epoch = number_of<std::int16_t>(value.substr(space + 1, second - space - 1));
        if (!id || !epoch || *epoch < 0) return kBadEntry;
        NamedProducer producer{model::ProducerId(*id), model::ProducerEpoch(*epoch)};
        if (second != std::string_view::npos) {
          const auto previous = number_of<std::int64_t>(value.substr(second + 1));
          if (!previous) return kBadEntry;
          producer.previous_id = model::ProducerId(*previous);
        }
        entries.emplace_back(name, producer);
        return {};
      }));
  image.producer_names = ProducerNames(std::move(entries));
  return {};
}

}  // namespace

Result<Features> load_features(const kv::View& store) {
  Features features;
  FOREBAY_CHECK(
      load_each(store, kFeaturePrefix, [&](std::string_view name, std::string_view value) -> Result<void> {
        const auto level = number_of<std::uint32_t>(value);
        if (!level) return kBadEntry;
        features.emplace(std::string(name), *level);
        return {};
      }));
  return features;
}

Result<ClusterImage> load_image(const kv::View& store) {
  ClusterImage image;
  FOREBAY_TRY(const auto id, store.get(kClusterIdKey));
  if (id) {
    const auto parsed = model::Uuid::parse(*id);
    if (!parsed) return unreadable(kClusterIdKey, *id);
    image.cluster_id = *parsed;
  }
  FOREBAY_TRY(const auto applied, store.get(kAppliedKey));
  if (applied) {
    const auto number = number_of<std::int64_t>(*applied);
    if (!number) return unreadable(kAppliedKey, *applied);
    image.applied = model::Offset(*number);
  }
  FOREBAY_TRY(const auto next, store.get(kNextProducerIdKey));
  if (next) {
    const auto number = number_of<std::int64_t>(*next);
    if (!number) return unreadable(kNextProducerIdKey, *next);
    image.next_producer_id = model::ProducerId(*number);
  }
  FOREBAY_CHECK(load_brokers(store, image));
  FOREBAY_CHECK(load_producer_names(store, image));
  FOREBAY_TRY(image.features, load_features(store));
  FOREBAY_CHECK(load_each(store, kTopicPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    FOREBAY_TRY(auto topic, decode_topic(as_bytes(value)));
    auto shared = std::make_shared<const Topic>(std::move(topic));
    image.topics.emplace(shared->name, shared);
    image.by_id.emplace(shared->id, std::move(shared));
    return {};
  }));
  FOREBAY_CHECK(
      load_each(store, kDeletingPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
        FOREBAY_TRY(auto deletion, decode_deletion(as_bytes(value)));
        const model::TopicId topic = deletion.topic->id;
        if (!deletion.waiting.empty()) image.deleting.emplace(topic, std::move(deletion));
        return {};
      }));
  return image;
}

TouchedEntries::TouchedEntries(const ClusterImage& before, const ClusterRecord& record) {
  const auto add = [this](auto entry) { entries_.emplace_back(std::move(entry)); };
  if (std::holds_alternative<ClusterFormed>(record)) add(Head{});
  if (const auto* r = std::get_if<BrokerRegistered>(&record)) {
    add(OfBroker{r->broker.node});
    const Broker* known = before.broker(r->broker.node);
    if (known != nullptr && known->registration.disk != r->broker.disk) touch_all_of(before, r->broker.node);
  }
  if (const auto* r = std::get_if<BrokerRemoved>(&record)) {
    add(OfBroker{r->node});
    touch_all_of(before, r->node);
  }
  if (const auto* r = std::get_if<DiskRetired>(&record)) {
    const Broker* known = before.broker(r->voter.node);
    if (known != nullptr && known->registration.disk == r->voter.disk) touch_all_of(before, r->voter.node);
    add(Retired{r->voter.disk});
  }
  if (const auto* r = std::get_if<BrokerDrained>(&record)) add(OfBroker{r->node});
  if (const auto* r = std::get_if<BrokerDecommission>(&record)) add(OfBroker{r->node});
  if (const auto* r = std::get_if<ProducerIdsGranted>(&record)) {
    add(Head{});
    add(OfBroker{r->node});
  }
  if (const auto* r = std::get_if<ProducerNamed>(&record)) {
    add(Head{});
    add(NameOfProducer{r->name});
  }
  if (const auto* r = std::get_if<ProducerNameRemoved>(&record)) add(NameOfProducer{r->name});
  if (const auto* r = std::get_if<FeatureLevelSet>(&record)) add(Feature{r->name});
  if (const auto* r = std::get_if<TopicCreated>(&record)) add(OfTopic{r->topic.id});
  if (const auto* r = std::get_if<TopicConfigSet>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<PartitionsAdded>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<PartitionsConfirmed>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<TargetsChanged>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<TargetReached>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<ReplicaGone>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<TopicDeleted>(&record)) add(OfTopic{r->id});
  if (const auto* r = std::get_if<TopicDeletionConfirmed>(&record)) add(OfTopic{r->id});
}

// All that a disk leaves behind when it is retired.
void TouchedEntries::touch_all_of(const ClusterImage& before, model::NodeId node) {
  if (const Broker* broker = before.broker(node)) entries_.emplace_back(Retired{broker->registration.disk});
  for (const auto& [id, topic] : before.by_id) {
    if (topic->knows_of(node)) entries_.emplace_back(OfTopic{id});
  }
  for (const auto& [id, deletion] : before.deleting) {
    if (deletion.waiting.contains(node)) entries_.emplace_back(OfTopic{id});
  }
}

struct TouchedEntries::Noter {
  const ClusterImage& image;
  StoreChanges& changes;

  template <typename Map, typename Key, typename Encode>
  void put(std::string name, const Map& map, const Key& at, Encode encode) const {
    const auto found = map.find(at);
    changes[std::move(name)] =
        found == map.end() ? std::nullopt : std::optional<std::string>(encode(found->second));
  }
  void operator()(const Head&) const {
    changes[std::string(kClusterIdKey)] = image.cluster_id.to_string();
    changes[std::string(kNextProducerIdKey)] = std::to_string(image.next_producer_id.value());
  }
  void operator()(const Feature& one) const {
    put(std::string(kFeaturePrefix) + one.name, image.features, one.name,
        [](std::uint32_t level) { return std::to_string(level); });
  }
  void operator()(const OfTopic& one) const {
    put(key(kTopicPrefix, one.id), image.by_id, one.id,
        [](const TopicPtr& topic) { return encode_topic(*topic); });
    put(key(kDeletingPrefix, one.id), image.deleting, one.id, encode_deletion);
  }
  void operator()(const OfBroker& one) const {
    put(key(kBrokerPrefix, one.node), image.brokers, one.node, encode_broker);
    put(key(kProducerIdsPrefix, one.node), image.producer_ids, one.node, [](const ProducerIds& ids) {
      return std::to_string(ids.first.value()) + " " + std::to_string(ids.count);
    });
  }
  void operator()(const NameOfProducer& one) const {
    const NamedProducer* known = image.producer_names.find(one.name);
    auto& change = changes[std::string(kProducerNamePrefix) + one.name];
    change.reset();
    if (known == nullptr) return;
    change = std::to_string(known->id.value()) + " " + std::to_string(known->epoch.value());
    if (known->previous_id) *change += " " + std::to_string(known->previous_id->value());
  }
  void operator()(const Retired& one) const {
    put(key(kRetiredPrefix, one.disk), image.retired, one.disk,
        [](model::NodeId node) { return std::to_string(node.value()); });
  }
};

void TouchedEntries::note(const ClusterImage& after, StoreChanges& changes) const {
  for (const auto& entry : entries_) std::visit(Noter{after, changes}, entry);
}

StoreEntries entries_of(const ClusterImage& image) {
  TouchedEntries all;
  const auto add = [&all](auto entry) { all.entries_.emplace_back(std::move(entry)); };
  add(TouchedEntries::Head{});
  for (const auto& [node, broker] : image.brokers) add(TouchedEntries::OfBroker{node});
  for (const auto& [node, ids] : image.producer_ids) add(TouchedEntries::OfBroker{node});
  for (const auto& [name, producer] : image.producer_names.all()) add(TouchedEntries::NameOfProducer{name});
  for (const auto& [disk, node] : image.retired) add(TouchedEntries::Retired{disk});
  for (const auto& [name, level] : image.features) add(TouchedEntries::Feature{name});
  for (const auto& [id, topic] : image.by_id) add(TouchedEntries::OfTopic{id});
  for (const auto& [id, deletion] : image.deleting) add(TouchedEntries::OfTopic{id});
  StoreChanges changes;
  all.note(image, changes);
  StoreEntries entries{{std::string(kAppliedKey), std::to_string(image.applied.value())}};
  for (auto& [name, value] : changes) {
    if (value) entries.emplace(name, std::move(*value));
  }
  return entries;
}

}  // namespace forebay::cluster
