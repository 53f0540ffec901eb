// The parts of one request that other nodes lead: each leader is asked for its own, all at the same time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/context.h"
#include "api/errors.h"
#include "api/messages.h"

namespace forebay::api {

// What one leader is asked, and which entries of the response wait for it.
template <typename Request>
struct LeaderPart {
  Request request;
  std::vector<int> entries;
};
template <typename Request>
using LeaderParts = std::map<std::string, LeaderPart<Request>>;  // by the leader's address

// `parts`: not empty. `merge(response, entries, leader, answer)` puts a leader's answer, or why there is
// none, into the response, one leader at a time; `done(response)` is called after the last, on one of gRPC's
// threads. Thread rules: any thread.
template <typename Request, typename Response, typename Merge, typename Done>
void ask_leaders(const ContextPtr& context, const char* path, Forwarder::Deadline deadline, Effect effect,
                 const LeaderParts<Request>& parts, Response response, Merge merge, Done done) {
  struct Gathering {
    Gathering(std::size_t count, Response begun, Merge merge_in, Done done_in)
        : left(count), response(std::move(begun)), merge(std::move(merge_in)), done(std::move(done_in)) {}
    std::mutex mutex;
    std::size_t left;
    Response response;
    Merge merge;
    Done done;
  };
  const auto gathering =
      std::make_shared<Gathering>(parts.size(), std::move(response), std::move(merge), std::move(done));
  for (const auto& [leader, part] : parts) {
    grpc::ByteBuffer bytes;
    write_message(part.request, &bytes);
    context->forwarder.send(
        leader, path, std::move(bytes), deadline,
        [gathering, effect, leader = leader, entries = part.entries](Forwarded outcome) {
          const Error refusal{ErrorCode::kNotLeader, "another node leads the partition", 0, leader};
          const bool answered = outcome.fate == Forwarded::Fate::kAnswered && outcome.status.ok();
          const Result<Response> answer =
              answered ? read_message<Response>(outcome.bytes) : forward_failure(outcome, refusal, effect);
          {
            const std::lock_guard lock(gathering->mutex);
            gathering->merge(gathering->response, entries, leader, answer);
            if (--gathering->left > 0) return;
          }
          gathering->done(gathering->response);
        });
  }
}

}  // namespace forebay::api
