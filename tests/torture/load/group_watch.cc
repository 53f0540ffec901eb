#include "torture/load/group_watch.h"

#include <thread>

#include "forebay/admin.h"

namespace forebay::torture {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRequestTimeout{2'000};
constexpr milliseconds kBetweenLooks{300};
constexpr const char* kProcess = "watch";

Result<void> look(Admin& admin, const std::string& group, HistoryWriter& history) {
  const std::int64_t asked = steady_now_ns();
  FOREBAY_TRY(const GroupLag lag, admin.group_lag(group));
  for (const PartitionLag& one : lag.partitions) {
    if (!one.committed) continue;
    std::string line = committed_line(kProcess, group, one.partition, asked, *one.committed);
    if (!one.error) line += " end=" + std::to_string(one.end);
    history.line(line);
  }
  return {};
}

Result<std::unique_ptr<Admin>> make_admin(const GroupWatchOptions& options) {
  return Admin::create(ClientOptions{.servers = options.servers, .request_timeout = kRequestTimeout});
}

}  // namespace

std::int64_t steady_now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string committed_line(const std::string& process, const std::string& group,
                           const TopicPartition& partition, std::int64_t asked_ns, std::int64_t offset) {
  return process + " ok committed " + partition.topic + ' ' + std::to_string(partition.partition) +
         " group=" + group + " asked=" + std::to_string(asked_ns) + " offset=" + std::to_string(offset);
}

void watch_groups(const GroupWatchOptions& options, HistoryWriter& history,
                  const std::atomic<bool>& stopping) {
  const auto admin = make_admin(options);
  if (!admin) return;
  while (!stopping) {
    // Nobody may be there to answer: the next look is soon.
    for (const std::string& group : options.groups) (void)look(**admin, group, history);
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

Result<void> look_at_groups(const GroupWatchOptions& options, HistoryWriter& history,
                            std::chrono::steady_clock::time_point deadline) {
  FOREBAY_TRY(const auto admin, make_admin(options));
  for (const std::string& group : options.groups) {
    while (true) {
      const auto looked = look(*admin, group, history);
      if (looked) break;
      if (std::chrono::steady_clock::now() > deadline) return looked.error();
      std::this_thread::sleep_for(kBetweenLooks);
    }
  }
  return {};
}

}  // namespace forebay::torture
