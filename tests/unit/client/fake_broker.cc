#include "fake_broker.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include "forebay/v1/admin.grpc.pb.h"
#include "forebay/v1/log.grpc.pb.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"
#include "sequence_broker.h"

namespace forebay::client {
namespace {

constexpr std::chrono::seconds kWaitMax{30};
constexpr std::size_t kDecodedBytesMax = 64U << 20;
constexpr std::uint64_t kTerm = 3;

struct StoredBatch {
  std::int64_t begin;
  std::int64_t end;
  std::string bytes;
};
struct Partition {
  std::int64_t log_start = 0;
  std::int64_t end = 0;
  std::vector<StoredBatch> batches;
  SequenceBroker producers;
  std::map<std::int64_t, v1::SourcePosition> positions;  // by producer id
};

grpc::Status status_of(const v1::ErrorDetail& error) {
  v1::RpcStatus status;
  status.set_message(error.message());
  status.add_details()->PackFrom(error);
  return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, error.message(), status.SerializeAsString());
}

}  // namespace

v1::ErrorDetail detail(v1::ErrorReason reason, const std::string& message, std::uint32_t retry_delay_ms) {
  v1::ErrorDetail error;
  error.set_reason(reason);
  error.set_message(message);
  error.set_retry_delay_ms(retry_delay_ms);
  return error;
}

class FakeBroker::State {
 public:
  explicit State(FakeBroker& owner) : broker(owner) {}

  // Requires: the lock. Returns: base offset.
  std::int64_t append(Partition& partition, std::string bytes, std::int64_t records) {
    const std::int64_t base = partition.end;
    partition.end += records;
    partition.batches.push_back({base, partition.end, std::move(bytes)});
    changed.notify_all();
    return base;
  }
  Partition* find(const std::string& topic, std::int32_t partition) {
    const auto found = topics.find(topic);
    if (found == topics.end() || partition < 0 ||
        partition >= static_cast<std::int32_t>(found->second.size()))
      return nullptr;
    return &found->second[static_cast<std::size_t>(partition)];
  }

  FakeBroker& broker;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::uint32_t batch_bytes_max = 0;
  std::map<std::string, std::vector<Partition>> topics;
  std::vector<v1::ProduceRequest> requests;
  std::vector<v1::SubscribeRequest> subscriptions;
  std::size_t responses = 0;
  std::size_t init_requests = 0;
  std::size_t fence_requests = 0;
  std::int64_t next_producer_id = 1'000;
  std::map<std::string, std::pair<std::int64_t, std::int32_t>> named;  // id and epoch
  std::map<std::string, std::int64_t> previous_ids;                    // of those whose epochs were used up
  std::uint64_t releases = 0;                                          // how often release() was called
  bool holding = true;
  bool stopping = false;
};

class FakeBroker::LogService final : public v1::Log::Service {
 public:
  explicit LogService(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  using ProduceCall = grpc::ServerReaderWriter<v1::ProduceResponse, v1::ProduceRequest>;

  grpc::Status Produce(grpc::ServerContext* context, ProduceCall* call) override {
    std::map<std::pair<std::string, std::int32_t>, std::uint32_t> refused_below;
    std::vector<v1::ProduceResponse> held;
    std::mutex writing;
    // Held answers leave when release() is called, also while the stream is being read.
    bool over = false;
    std::thread releaser([&] {
      std::unique_lock lock(state_->mutex);
      while (!over) {
        if (!state_->holding && !held.empty()) {
          const auto out = std::exchange(held, {});
          lock.unlock();
          {
            const std::lock_guard write_lock(writing);
            for (const auto& response : out) call->Write(response);
          }
          lock.lock();
          continue;
        }
        state_->changed.wait(lock);
      }
    });
    v1::ProduceRequest request;
    while (call->Read(&request)) {
      v1::ProduceResponse response;
      bool drop = false;
      bool hold = false;
      {
        const std::lock_guard lock(state_->mutex);
        handle(request, refused_below[{request.topic(), request.partition()}], response, hold, drop);
        hold = hold && state_->holding;
        if (hold) held.push_back(response);
        state_->changed.notify_all();
      }
      if (drop) break;
      if (!hold) {
        const std::lock_guard write_lock(writing);
        call->Write(response);
      }
    }
    {
      const std::lock_guard lock(state_->mutex);
      over = true;
      state_->changed.notify_all();
    }
    releaser.join();
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    return {grpc::StatusCode::UNAVAILABLE, "the test dropped the stream"};
  }

  void handle(const v1::ProduceRequest& request, std::uint32_t& refused_below, v1::ProduceResponse& response,
              bool& hold, bool& drop) {
    const std::size_t number = state_->requests.size();
    v1::ProduceRequest& seen = state_->requests.emplace_back(request);
    seen.clear_batch();
    response.set_correlation_id(request.correlation_id());
    const auto refuse = [&](const v1::ErrorDetail& error) {
      refused_below = std::max(refused_below, request.retry_round() + 1);
      *response.mutable_error() = error;
    };
    if (request.has_retry_round() && request.retry_round() < refused_below) {
      return refuse(detail(v1::NOT_YET, "a request before it was refused"));
    }
    Partition* partition = state_->find(request.topic(), request.partition());
    if (partition == nullptr) return refuse(detail(v1::UNKNOWN_PARTITION, "no such partition"));
    const auto batch = model::RecordBatchView::parse(as_bytes(request.batch()));
    if (!batch) return refuse(detail(v1::CORRUPT_BATCH, batch.error().context));
    Verdict verdict;
    if (state_->broker.on_produce) verdict = state_->broker.on_produce(request, number);
    drop = verdict.kind == Verdict::Kind::kDrop || verdict.kind == Verdict::Kind::kAppendDrop;
    if (verdict.kind == Verdict::Kind::kDrop) return;
    if (verdict.kind == Verdict::Kind::kRefuse) return refuse(verdict.error);
    hold = verdict.kind == Verdict::Kind::kHold;
    std::optional<std::int64_t> first_copy;
    if (batch->header().producer_id != model::kNoProducerId) {
      auto taken = partition->producers.take(batch->header(), partition->end);
      if (!taken) {
        auto error = detail(static_cast<v1::ErrorReason>(taken.error().code), taken.error().context);
        if (taken.error().last_sequence) error.set_last_sequence(*taken.error().last_sequence);
        return refuse(error);
      }
      first_copy = *taken;
      if (request.has_position() && !first_copy)
        partition->positions[batch->header().producer_id.value()] = request.position();
    }
    std::string bytes = request.batch();
    model::set_base_offset({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()},
                           model::Offset(partition->end));
    auto* ack = response.mutable_ack()->add_partitions();
    ack->set_partition(request.partition());
    ack->set_duplicate(first_copy.has_value());
    ack->set_base_offset(first_copy ? *first_copy
                                    : state_->append(*partition, std::move(bytes), batch->record_count()));
    ack->set_last_offset(ack->base_offset() + batch->record_count() - 1);
    ack->set_append_time_ms(1'000);
    ack->set_term(kTerm);
    response.mutable_ack()->set_leader(verdict.leader);
    ack->mutable_durability()->set_flushed(true);
    ack->mutable_durability()->set_replicas_flushed(1);
    ack->mutable_durability()->set_replicas_total(1);
  }

  grpc::Status Subscribe(grpc::ServerContext* context, const v1::SubscribeRequest* request,
                         grpc::ServerWriter<v1::FetchResponse>* writer) override {
    std::int64_t offset = request->offset();
    bool first = true;
    while (true) {
      v1::FetchResponse response;
      bool broken = false;
      {
        std::unique_lock lock(state_->mutex);
        if (std::exchange(first, false)) {
          const std::size_t number = state_->subscriptions.size();
          state_->subscriptions.push_back(*request);
          state_->changed.notify_all();
          if (state_->broker.on_subscribe) {
            if (auto error = state_->broker.on_subscribe(*request, number))
              *response.mutable_error() = *error;
          }
        }
        Partition* partition = state_->find(request->topic(), request->partition());
        if (partition == nullptr)
          *response.mutable_error() = detail(v1::UNKNOWN_PARTITION, "no such partition");
        if (!response.has_error() && (offset < partition->log_start || offset > partition->end)) {
          *response.mutable_error() = detail(v1::OFFSET_OUT_OF_RANGE, "out of range");
          response.mutable_error()->set_log_start(partition->log_start);
          response.mutable_error()->set_log_end(partition->end);
        }
        if (!response.has_error()) {
          while (!state_->stopping && !context->IsCancelled() && partition->end <= offset) {
            state_->changed.wait_for(
                lock, std::chrono::milliseconds(10));  // gRPC does not wake us when the client goes
          }
          if (state_->stopping || context->IsCancelled()) return {grpc::StatusCode::UNAVAILABLE, "stopping"};
          fill(*request, *partition, offset, response);
          const std::size_t number = state_->responses++;
          if (state_->broker.on_response) broken = !state_->broker.on_response(response, number);
          offset = response.next_offset();
        }
      }
      if (broken) return {grpc::StatusCode::UNAVAILABLE, "the test broke the stream"};
      if (!writer->Write(response) || response.has_error()) return grpc::Status::OK;
    }
  }

  static void fill(const v1::SubscribeRequest& request, const Partition& partition, std::int64_t& offset,
                   v1::FetchResponse& response) {
    response.set_log_start(partition.log_start);
    response.set_high_watermark(partition.end);
    std::size_t bytes = 0;
    for (const StoredBatch& batch : partition.batches) {
      if (batch.end <= offset) continue;
      if (bytes > 0 && bytes + batch.bytes.size() > request.max_bytes()) break;
      auto* out = response.add_batches();
      out->set_begin_offset(batch.begin);
      out->set_end_offset(batch.end);
      out->set_term(kTerm);
      out->set_append_time_ms(1'000);
      out->set_batch(batch.bytes);
      bytes += batch.bytes.size();
      offset = batch.end;
    }
    response.set_next_offset(offset);
  }

  grpc::Status InitProducer(grpc::ServerContext*, const v1::InitProducerRequest* request,
                            v1::InitProducerResponse* response) override {
    const std::lock_guard lock(state_->mutex);
    const std::size_t number = state_->init_requests++;
    if (state_->broker.on_init_producer) {
      if (auto error = state_->broker.on_init_producer(*request, number)) return status_of(*error);
    }
    if (request->name().empty()) {
      response->set_producer_id(state_->next_producer_id++);
      return grpc::Status::OK;
    }
    const auto [entry, is_new] = state_->named.try_emplace(request->name(), state_->next_producer_id, 0);
    auto& [id, epoch] = entry->second;
    if (is_new)
      ++state_->next_producer_id;
    else
      ++epoch;
    response->set_producer_id(id);
    response->set_epoch(epoch);
    const auto previous = state_->previous_ids.find(request->name());
    if (previous != state_->previous_ids.end()) response->set_previous_producer_id(previous->second);
    return grpc::Status::OK;
  }

  grpc::Status FenceProducer(grpc::ServerContext*, const v1::FenceProducerRequest* request,
                             v1::FenceProducerResponse* response) override {
    const std::lock_guard lock(state_->mutex);
    const std::size_t number = state_->fence_requests++;
    const auto found = state_->topics.find(request->topic());
    if (found == state_->topics.end()) return status_of(detail(v1::UNKNOWN_TOPIC, "no such topic"));
    response->set_topic_partitions(static_cast<std::uint32_t>(found->second.size()));
    for (std::size_t i = 0; i < found->second.size(); ++i) {
      Partition& partition = found->second[i];
      auto* out = response->add_partitions();
      out->set_partition(static_cast<std::int32_t>(i));
      if (state_->broker.on_fence) {
        if (auto error = state_->broker.on_fence(out->partition(), number)) {
          *out->mutable_error() = *error;
          continue;
        }
      }
      partition.producers.fence(request->producer_id(), static_cast<std::int16_t>(request->epoch()));
      const auto position = partition.positions.find(request->producer_id());
      if (position == partition.positions.end()) continue;
      out->set_last_epoch(0);
      *out->mutable_position() = position->second;
    }
    return grpc::Status::OK;
  }

  grpc::Status ListOffsets(grpc::ServerContext*, const v1::ListOffsetsRequest* request,
                           v1::ListOffsetsResponse* response) override {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->topics.find(request->topic());
    if (found == state_->topics.end()) return status_of(detail(v1::UNKNOWN_TOPIC, "no such topic"));
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(found->second.size()); ++i) {
      const bool named = std::find(request->partitions().begin(), request->partitions().end(), i) !=
                         request->partitions().end();
      if (!request->partitions().empty() && !named) continue;
      const Partition& partition = found->second[static_cast<std::size_t>(i)];
      auto* out = response->add_offsets();
      out->set_partition(i);
      out->set_batch_bytes_max(state_->batch_bytes_max);
      if (state_->broker.on_list_offsets) {
        if (auto error = state_->broker.on_list_offsets(i)) {
          *out->mutable_error() = *error;
          continue;
        }
      }
      out->set_log_start(partition.log_start);
      out->set_log_end(partition.end);
      if (request->point() == v1::START) out->set_offset(partition.log_start);
      if (request->point() == v1::END) out->set_offset(partition.end);
      if (request->point() == v1::EVENT_TIME && request->time_ms() < partition.end)
        out->set_offset(request->time_ms());
    }
    for (const std::int32_t partition : request->partitions()) {
      if (state_->find(request->topic(), partition) != nullptr) continue;
      auto* out = response->add_offsets();
      out->set_partition(partition);
      *out->mutable_error() = detail(v1::UNKNOWN_PARTITION, "no such partition");
    }
    return grpc::Status::OK;
  }

  const std::shared_ptr<State> state_;
};

class FakeBroker::AdminService final : public v1::Admin::Service {
 public:
  explicit AdminService(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  grpc::Status DescribeTopic(grpc::ServerContext*, const v1::DescribeTopicRequest* request,
                             v1::DescribeTopicResponse* response) override {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->topics.find(request->name());
    if (found == state_->topics.end())
      return status_of(detail(v1::UNKNOWN_TOPIC, "topic '" + request->name() + "' does not exist"));
    response->set_name(request->name());
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(found->second.size()); ++i) {
      response->add_partitions()->set_partition(i);
    }
    return grpc::Status::OK;
  }
  grpc::Status CreateTopic(grpc::ServerContext* context, const v1::CreateTopicRequest* request,
                           v1::CreateTopicResponse* response) override {
    const std::lock_guard lock(state_->mutex);
    if (state_->broker.on_create) {
      if (auto error = state_->broker.on_create()) {
        if (error->reason() == v1::UNAVAILABLE) {
          context->TryCancel();
          return {grpc::StatusCode::UNAVAILABLE, "the connection broke"};
        }
        return status_of(*error);
      }
    }
    state_->topics[request->name()].resize(request->partitions());
    response->set_id("id-of-" + request->name());
    response->set_partitions(request->partitions());
    return grpc::Status::OK;
  }

  const std::shared_ptr<State> state_;
};

struct FakeBroker::Server {
  explicit Server(const std::shared_ptr<State>& state) : log(state), admin(state) {}
  LogService log;
  AdminService admin;
  std::unique_ptr<grpc::Server> grpc;
};

FakeBroker::FakeBroker(std::vector<grpc::Service*> services)
    : services_(std::move(services)), state_(std::make_shared<State>(*this)) {
  start();
}
FakeBroker::~FakeBroker() { stop(); }

std::string FakeBroker::address() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeBroker::start() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = false;
  }
  server_ = std::make_unique<Server>(state_);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&server_->log);
  builder.RegisterService(&server_->admin);
  for (grpc::Service* service : services_) builder.RegisterService(service);
  server_->grpc = builder.BuildAndStart();
  port_ = port;
}

void FakeBroker::stop() {
  if (server_ == nullptr) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  server_->grpc->Shutdown(std::chrono::system_clock::now());
  server_->grpc->Wait();
  server_.reset();
}

void FakeBroker::add_topic(const std::string& name, std::int32_t partitions) {
  const std::lock_guard lock(state_->mutex);
  state_->topics[name].resize(static_cast<std::size_t>(partitions));
}

void FakeBroker::say_batch_bytes_max(std::uint32_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->batch_bytes_max = bytes;
}

void FakeBroker::append(const std::string& topic, std::int32_t partition, const std::vector<Record>& records,
                        model::Codec codec) {
  const std::lock_guard lock(state_->mutex);
  Partition* found = state_->find(topic, partition);
  model::BatchBuilder builder({.base_offset = model::Offset(found->end)});
  for (const Record& record : records) {
    model::Record out;
    out.key = record.key;
    out.value = record.value;
    for (const Header& header : record.headers) out.headers.push_back({header.name, header.value});
    out.timestamp = model::Timestamp(record.event_time_ms.value_or(0));
    if (!builder.append(out)) std::abort();
  }
  const auto built = builder.build(codec).value();
  state_->append(*found, std::string(as_text(built)), static_cast<std::int64_t>(records.size()));
}

void FakeBroker::append_raw(const std::string& topic, std::int32_t partition, std::string batch,
                            std::int64_t records) {
  const std::lock_guard lock(state_->mutex);
  state_->append(*state_->find(topic, partition), std::move(batch), records);
}

void FakeBroker::use_up_epochs(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  auto& [id, epoch] = state_->named.at(name);
  state_->previous_ids[name] = id;
  id = state_->next_producer_id++;
  epoch = -1;
}

void FakeBroker::replicate(const FakeBroker& other) {
  const std::scoped_lock lock(state_->mutex, other.state_->mutex);
  state_->topics = other.state_->topics;
  state_->changed.notify_all();
}

void FakeBroker::trim(const std::string& topic, std::int32_t partition, std::int64_t log_start) {
  const std::lock_guard lock(state_->mutex);
  Partition* found = state_->find(topic, partition);
  found->log_start = log_start;
  std::erase_if(found->batches, [&](const StoredBatch& batch) { return batch.end <= log_start; });
}

void FakeBroker::release() {
  const std::lock_guard lock(state_->mutex);
  state_->holding = false;
  state_->changed.notify_all();
}

std::vector<Record> FakeBroker::log(const std::string& topic, std::int32_t partition) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Record> out;
  std::vector<std::byte> scratch;
  for (const StoredBatch& stored : state_->find(topic, partition)->batches) {
    const auto view = model::RecordBatchView::parse(as_bytes(stored.bytes)).value();
    auto visited =
        model::for_each_record(view, kDecodedBytesMax, scratch, [&](const model::RecordView& from) {
          Record& to = out.emplace_back();
          const model::Record copy = model::owned(from);
          to.key = copy.key;
          to.value = copy.value;
          for (const auto& header : copy.headers) to.headers.push_back({header.name, header.value});
          to.event_time_ms = copy.timestamp.value();
          to.partition = partition;
          to.offset = from.offset.value();
        });
    if (!visited) std::abort();
  }
  return out;
}

std::vector<v1::ProduceRequest> FakeBroker::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}
std::vector<v1::SubscribeRequest> FakeBroker::subscriptions() const {
  const std::lock_guard lock(state_->mutex);
  return state_->subscriptions;
}

bool FakeBroker::wait_until(const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  while (!condition()) {
    std::unique_lock lock(state_->mutex);
    if (std::chrono::steady_clock::now() >= deadline) return false;
    state_->changed.wait_for(lock, std::chrono::milliseconds(5));  // an event may have come before the lock
  }
  return true;
}

}  // namespace forebay::client
