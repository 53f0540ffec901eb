// Many members of consumer groups in one process, which read nothing: what the coordinators bear, and how
// fast they are. Each member is the SDK's own core over streams of its own; streams share a few connections.
//
//   group_load SERVERS TOPIC PARTITIONS GROUP_PREFIX GROUPS MEMBERS
//
// SERVERS are separated by commas; GROUPS groups of MEMBERS members each join and share the topic. One line
// of JSON says how long that took; then each line of the input is an order, answered by another line:
//   commit SECONDS RECORDS  members commit one record after another, each as soon as the one before is
//                           acknowledged; the partitions have RECORDS each
//   failover                a node is about to be killed: how long until all members are back
// The end of the input ends it.
#include <grpcpp/channel.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "client/connection.h"
#include "client/core/member_session.h"
#include "client/member_stream.h"

namespace {

using namespace forebay;
using client::MemberSession;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A node takes 128 calls on one.
constexpr std::size_t kMembersPerConnection = 64;
constexpr milliseconds kLook{2};   // of whoever waits for all members
constexpr milliseconds kTick{10};  // how late a member may notice that its time has come
constexpr auto kGiveUp = std::chrono::seconds(120);
constexpr int kTimedOut = 1;

// Shared by the members: connections in turn, and those that are broken, which end with the process: the
// threads that see them break may not destroy them.
class Connections {
 public:
  using Channel = std::shared_ptr<grpc::Channel>;
  Channel get(const std::string& address, std::size_t member) {
    const std::lock_guard lock(mutex_);
    Channel& channel = open_[{address, member / kMembersPerConnection}];
    if (channel == nullptr) channel = client::open_channel(address);
    return channel;
  }
  void drop(const std::string& address, std::size_t member, const Channel& broken) {
    const std::lock_guard lock(mutex_);
    Channel& channel = open_[{address, member / kMembersPerConnection}];
    if (channel == broken) spent_.push_back(std::exchange(channel, nullptr));
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::size_t>, Channel> open_;
  std::vector<Channel> spent_;
};

// What is demanded of the members now.
struct Orders {
  std::atomic<std::int64_t> commit_upto{0};
  std::atomic<std::uint64_t> commits{0};
};

class Member final : public client::MemberStream::Listener, public std::enable_shared_from_this<Member> {
 public:
  Member(std::size_t number, MemberSession::Settings settings, std::vector<std::string> servers,
         Connections& connections, Orders& orders)
      : number_(number),
        connections_(connections),
        orders_(orders),
        session_(std::move(settings), std::move(servers), number) {}

  void act() {
    Lock lock(mutex_);
    pump(lock);
  }
  void act_if_due(Clock::time_point now) {
    if (now.time_since_epoch().count() >= due_.load(std::memory_order_relaxed)) act();
  }
  [[nodiscard]] bool is_joined() const { return joined_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t owned() const { return owned_.load(std::memory_order_relaxed); }
  // A partition that went and came back is granted anew.
  [[nodiscard]] std::set<MemberSession::Grant> grants() const {
    const Lock lock(mutex_);
    std::set<MemberSession::Grant> grants;
    for (const auto& reading : session_.reading()) grants.insert(reading.grant);
    return grants;
  }
  [[nodiscard]] std::string trouble() const {
    const Lock lock(mutex_);
    if (session_.error()) return session_.error()->to_string();
    return session_.trouble() ? session_.trouble()->to_string() : "";
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Open {
    std::shared_ptr<client::MemberStream> stream;
    Connections::Channel channel;
    std::string address;
  };

  void on_words(std::uint64_t stream, const client::CoordinatorWords& words) override {
    Lock lock(mutex_);
    session_.heard(stream, words, Clock::now());
    if (const auto* ack = std::get_if<client::CommitAckWords>(&words)) {
      for (const auto& one : ack->partitions) orders_.commits += one.error ? 0 : 1;
    }
    pump(lock);
  }
  void on_ended(std::uint64_t stream, const std::optional<client::RpcError>& error) override {
    Lock lock(mutex_);
    const auto found = streams_.find(stream);
    if (error && !error->from_broker && found != streams_.end())
      connections_.drop(found->second.address, number_, found->second.channel);
    session_.ended(stream, error, Clock::now());
    pump(lock);
  }
  void on_destroyed(std::uint64_t) override {}

  void pump(Lock& lock) {
    while (true) {
      while (auto tiding = session_.next_tiding()) {
        if (tiding->kind == MemberSession::Tiding::Kind::kRevoked) session_.gave_up(tiding->partitions);
      }
      while (session_.next_loss()) continue;
      while (session_.next_refusal()) continue;
      mark_next();
      auto action = session_.next_action(Clock::now());
      if (!action) break;
      carry_out(*action, lock);
    }
    joined_ = session_.is_joined();
    owned_ = session_.reading().size();
    const auto deadline = session_.next_deadline();
    due_ = deadline ? deadline->time_since_epoch().count() : std::numeric_limits<Clock::rep>::max();
  }

  void carry_out(const MemberSession::Action& action, Lock& lock) {
    if (const auto* open = std::get_if<MemberSession::OpenStream>(&action)) {
      Open entry{nullptr, connections_.get(open->address, number_), open->address};
      entry.stream =
          client::MemberStream::open(entry.channel, open->address, open->stream, shared_from_this());
      entry.stream->say(open->join);
      // Those before it are over; the last hold on one must not be given up under the lock it calls back to.
      auto spent = std::exchange(streams_, {});
      streams_.emplace(open->stream, std::move(entry));
      lock.unlock();
      spent.clear();
      lock.lock();
      return;
    }
    const auto* say = std::get_if<MemberSession::Say>(&action);
    const auto found =
        streams_.find(say != nullptr ? say->stream : std::get<MemberSession::Cancel>(action).stream);
    if (found == streams_.end()) return;
    if (say != nullptr) return found->second.stream->say(say->words);
    const auto stream = found->second.stream;
    lock.unlock();
    stream->cancel();
    lock.lock();
  }

  // One record more of each partition of which all is committed.
  void mark_next() {
    const std::int64_t upto = orders_.commit_upto.load(std::memory_order_relaxed);
    if (upto == 0) return;
    for (const auto& reading : session_.reading()) {
      std::int64_t& next = next_.try_emplace(reading.partition, reading.from.value_or(0)).first->second;
      const auto committed = session_.is_committed({reading.partition, next}, reading.grant);
      if (next >= upto || (next > 0 && !(committed && *committed))) continue;
      if (!session_.delivered(reading.partition, reading.grant, next, next + 1, Clock::now())) continue;
      if (session_.mark(reading.partition, next, next + 1)) ++next;
    }
  }

  const std::size_t number_;
  Connections& connections_;
  Orders& orders_;
  mutable std::mutex mutex_;
  MemberSession session_;
  std::map<std::uint64_t, Open> streams_;
  std::map<TopicPartition, std::int64_t> next_;
  std::atomic<bool> joined_{false};
  std::atomic<std::size_t> owned_{0};
  std::atomic<Clock::rep> due_{0};
};

struct Load {
  std::vector<std::string> servers;
  std::string topic, prefix;
  std::size_t partitions = 0, groups = 0, members_each = 0;
  Connections connections;
  Orders orders;
  std::vector<std::shared_ptr<Member>> members;

  void make_members() {
    for (std::size_t number = 0; number < groups * members_each; ++number) {
      MemberSession::Settings settings;
      settings.join.group = prefix + std::to_string(number / members_each);
      settings.join.client_id = "group_load";
      settings.join.topics = {topic};
      settings.commit_interval = milliseconds(0);
      settings.marked_ranges_max = 1'000;
      settings.reconnect = {milliseconds(50), milliseconds(1'000)};
      // As with many programs, each comes by another server.
      auto order = servers;
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(number % order.size()),
                  order.end());
      members.push_back(std::make_shared<Member>(number, settings, order, connections, orders));
    }
  }
  // Each member has its share, and all together have all of it.
  [[nodiscard]] bool all_assigned() const {
    const std::size_t share = partitions / members_each;
    for (std::size_t group = 0; group < groups; ++group) {
      std::size_t owned = 0;
      for (std::size_t i = 0; i < members_each; ++i) {
        const Member& member = *members[group * members_each + i];
        if (!member.is_joined() || member.owned() < share) return false;
        owned += member.owned();
      }
      if (owned != partitions) return false;
    }
    return true;
  }
  template <typename Condition>
  void wait_for(const char* what, Condition condition) const {
    const auto until = Clock::now() + kGiveUp;
    while (!condition()) {
      if (Clock::now() > until) {
        std::cerr << "group_load: not " << what << " within 120 s";
        for (const auto& member : members) {
          if (const std::string trouble = member->trouble(); !trouble.empty()) {
            std::cerr << "; " << trouble;
            break;
          }
        }
        std::cerr << std::endl;
        std::_Exit(kTimedOut);
      }
      std::this_thread::sleep_for(kLook);
    }
  }
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void commit(Load& load, double seconds, std::int64_t records) {
  const auto begin = Clock::now();
  const std::uint64_t before = load.orders.commits;
  load.orders.commit_upto = records;
  for (const auto& member : load.members) member->act();
  std::this_thread::sleep_until(begin + std::chrono::duration<double>(seconds));
  const auto commits = static_cast<double>(load.orders.commits - before);
  std::cout << "{\"commits_per_s\": " << commits / seconds_since(begin) << "}" << std::endl;
  load.orders.commit_upto = 0;
}

void failover(Load& load) {
  std::vector<std::set<MemberSession::Grant>> before;
  for (const auto& member : load.members) before.push_back(member->grants());
  std::cout << "{\"watching\": true}" << std::endl;
  const auto away = [&] {
    return std::any_of(load.members.begin(), load.members.end(),
                       [](const auto& member) { return !member->is_joined(); });
  };
  load.wait_for("cut off", away);
  const auto begin = Clock::now();
  load.wait_for("back", [&] { return !away() && load.all_assigned(); });
  const double seconds = seconds_since(begin);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto now = load.members[i]->grants();
    for (const auto grant : before[i]) moved += now.contains(grant) ? 0 : 1;
  }
  std::cout << "{\"recovered_s\": " << seconds << ", \"moved\": " << moved << "}" << std::endl;
}

void obey(Load& load) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string order;
    words >> order;
    if (order == "commit") {
      double seconds = 0;
      std::int64_t records = 0;
      words >> seconds >> records;
      commit(load, seconds, records);
    } else if (order == "failover") {
      failover(load);
    } else {
      std::cerr << "group_load: no order '" << line << "'" << std::endl;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: group_load SERVERS TOPIC PARTITIONS GROUP_PREFIX GROUPS MEMBERS" << std::endl;
    return 2;
  }
  Load load;
  std::istringstream servers(argv[1]);
  for (std::string server; std::getline(servers, server, ',');) load.servers.push_back(server);
  load.topic = argv[2];
  load.partitions = std::stoul(argv[3]);
  load.prefix = argv[4];
  load.groups = std::stoul(argv[5]);
  load.members_each = std::stoul(argv[6]);
  load.make_members();
  std::thread([&load] {
    while (true) {
      const auto now = Clock::now();
      for (const auto& member : load.members) member->act_if_due(now);
      std::this_thread::sleep_for(kTick);
    }
  }).detach();
  const auto begin = Clock::now();
  for (const auto& member : load.members) member->act();
  load.wait_for("assigned", [&] { return load.all_assigned(); });
  std::cout << "{\"assigned_s\": " << seconds_since(begin) << "}" << std::endl;
  obey(load);
  std::cout.flush();
  std::_Exit(0);  // thousands of streams are not worth being closed one by one
}
