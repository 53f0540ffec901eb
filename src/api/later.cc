#include "api/later.h"

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>

#include <utility>

namespace forebay::api {
namespace {

struct OneShot {
  grpc::Alarm alarm;
  UniqueFunction<void()> task;
};

}  // namespace

void run_later(std::chrono::milliseconds delay, UniqueFunction<void()> task) {
  auto* shot = new OneShot{{}, std::move(task)};
  // gRPC rounds deadlines up to a millisecond and keeps them for its timer thread; one that is past runs at
  // once.
  const gpr_timespec deadline =
      delay.count() <= 0
          ? gpr_inf_past(GPR_CLOCK_MONOTONIC)
          : gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(delay.count(), GPR_TIMESPAN));
  // The alarm counts its own users, so it may be destroyed from within its callback.
  shot->alarm.Set(deadline, [shot](bool /*expired*/) {
    shot->task();
    delete shot;
  });
}

}  // namespace forebay::api
