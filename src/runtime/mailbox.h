// Tasks from any thread to one reader, without locks. A stack that the reader takes whole and turns around:
// the tasks of one poster stay in their order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/executor.h"

namespace forebay::runtime {

class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { clear(); }

  // Any thread.
  void push(Task task) {
    Node* node = new Node{std::move(task), nullptr};
    pushed_.fetch_add(1, std::memory_order_relaxed);
    node->next = head_.load(std::memory_order_relaxed);
    // Sequentially consistent: pairs with the reader's "I sleep, is there anything?" (see Shard).
    while (!head_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst,
                                        std::memory_order_relaxed)) {
    }
  }
  [[nodiscard]] std::uint64_t pushed() const { return pushed_.load(std::memory_order_relaxed); }

  // Reader only, from here on.
  [[nodiscard]] bool empty() const {
    return taken_ == nullptr && head_.load(std::memory_order_seq_cst) == nullptr;
  }
  // An empty task when there is none.
  [[nodiscard]] Task pop() {
    if (taken_ == nullptr) take();
    if (taken_ == nullptr) return {};
    Node* node = std::exchange(taken_, taken_->next);
    Task task = std::move(node->task);
    delete node;
    return task;
  }
  // Destroys what is there, also what the destroyed tasks push meanwhile.
  void clear() {
    while (pop()) {
    }
  }

 private:
  struct Node {
    Task task;
    Node* next;
  };
  void take() {
    Node* newest = head_.exchange(nullptr, std::memory_order_acquire);
    while (newest != nullptr) {
      Node* older = newest->next;
      newest->next = taken_;
      taken_ = newest;
      newest = older;
    }
  }

  alignas(64) std::atomic<Node*> head_{nullptr};
  std::atomic<std::uint64_t> pushed_{0};
  alignas(64) Node* taken_ = nullptr;  // oldest first
};

}  // namespace forebay::runtime
