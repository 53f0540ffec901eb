#include "client/completion_thread.h"

namespace forebay::client {

CompletionThread::CompletionThread()
    : thread_([this] {
        void* tag = nullptr;
        bool ok = false;
        while (queue_.Next(&tag, &ok)) static_cast<Event*>(tag)->complete(ok);
      }) {}

CompletionThread::~CompletionThread() { stop(); }

void CompletionThread::stop() {
  if (!thread_.joinable()) return;
  queue_.Shutdown();
  thread_.join();
}

}  // namespace forebay::client
