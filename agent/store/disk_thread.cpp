#include "agent/store/disk_thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace skerry::store {
namespace {

// The writer goes on while pages are copied; what it added meanwhile is little, and when nothing is
// left over its next transaction begins the WAL from the front again.
constexpr int kPasses = 4;

}  // namespace

Result<std::unique_ptr<DiskThread>> DiskThread::start(const std::filesystem::path& file,
                                                      runtime::Reactor& reactor,
                                                      runtime::Trace& trace) {
  TRY_ASSIGN(std::unique_ptr<Database> database, Database::open(file));
  database->no_checkpoint_on_close();
  TRY(database->script("PRAGMA synchronous = NORMAL"));
  // Only the WAL: closing any descriptor of the database itself would drop SQLite's locks
  // (fcntl(2), "record locks").
  const std::string wal_name = file.string() + "-wal";
  UniqueFd wal(::open(wal_name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!wal) return Error::from_errno(errno, fmt::format("open \"{}\"", wal_name));
  return std::unique_ptr<DiskThread>(
      new DiskThread(std::move(database), std::move(wal), reactor, trace));
}

DiskThread::DiskThread(std::unique_ptr<Database> database,
                       UniqueFd wal,
                       runtime::Reactor& reactor,
                       runtime::Trace& trace)
    : database_(std::move(database)), wal_(std::move(wal)), reactor_(reactor), trace_(trace) {
  sigset_t all;
  sigset_t old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "store");
}

DiskThread::~DiskThread() {
  {
    const runtime::MutexLock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void DiskThread::durable(Done done) {
  {
    const runtime::MutexLock lock(mutex_);
    waiting_.push_back(std::move(done));
  }
  wake_.notify_one();
}

void DiskThread::checkpoint() {
  {
    const runtime::MutexLock lock(mutex_);
    checkpoint_ = true;
  }
  wake_.notify_one();
}

void DiskThread::finish_checkpoint() {
  const runtime::MutexLock lock(mutex_);
  while (checkpoint_ || copying_) copied_.wait(mutex_);
}

void DiskThread::work() {
  for (;;) {
    std::vector<Done> group;
    bool copy = false;
    {
      const runtime::MutexLock lock(mutex_);
      while (waiting_.empty() && !checkpoint_ && !ending_) wake_.wait(mutex_);
      if (ending_) return;
      group.swap(waiting_);
      copy = std::exchange(checkpoint_, false);
      copying_ = copy;
    }
    if (!group.empty()) {
      reactor_.post([group = std::move(group), synced = sync()]() mutable {
        for (Done& done : group) done(synced);
      });
    }
    if (!copy) continue;
    copy_wal();
    {
      const runtime::MutexLock lock(mutex_);
      copying_ = false;
    }
    copied_.notify_all();
  }
}

Result<> DiskThread::sync() {
  // After a failed sync the kernel takes the pages for clean, and the next one succeeds over lost
  // data; so the first failure stays.
  if (sync_failed_.has_value()) return *sync_failed_;
  if (::fdatasync(wal_.get()) == 0) return {};
  const int error = errno;
  sync_failed_ =
      Error(Code::kDataLoss, "the state was not written to disk earlier: " + errno_text(error));
  trace_.error("state is not durable", *sync_failed_);
  return Error::from_errno(error, "fdatasync \"state.db-wal\"");
}

void DiskThread::copy_wal() {
  for (int pass = 0; pass < kPasses; ++pass) {
    const Result<Database::Checkpoint> done = database_->checkpoint_passive();
    if (!done) {
      // The WAL keeps everything; a damaged page is met by the reactor, too.
      trace_.error("checkpoint failed", done.error());
      return;
    }
    if (done->done_pages >= done->log_pages) return;
  }
}

}  // namespace skerry::store
