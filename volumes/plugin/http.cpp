#include "volumes/plugin/http.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "volumes/waiting.h"

namespace skerry::volumes {
namespace {

constexpr std::size_t kMaxHeaders = 64UL * 1024;

struct EasyCloser {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct MultiCloser {
  void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};
struct ListCloser {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCloser>;
using Multi = std::unique_ptr<CURLM, MultiCloser>;
using Headers = std::unique_ptr<curl_slist, ListCloser>;

/// What curl's callbacks work on.
struct Exchange {
  std::string body;
  std::size_t header_bytes = 0;
  bool too_big = false;
};

std::size_t take_body(const char* bytes, std::size_t, std::size_t size, void* data) {
  auto* exchange = static_cast<Exchange*>(data);
  exchange->too_big = exchange->body.size() + size > kMaxReply;
  if (exchange->too_big) return 0;
  exchange->body.append(bytes, size);
  return size;
}

// curl 7.88 keeps headers without end.
std::size_t count_header(const char*, std::size_t, std::size_t size, void* data) {
  auto* exchange = static_cast<Exchange*>(data);
  exchange->header_bytes += size;
  exchange->too_big = exchange->header_bytes > kMaxHeaders;
  return exchange->too_big ? 0 : size;
}

Headers make_headers() {
  curl_slist* list = nullptr;
  // "Expect:" empty: else curl waits a second for "100 Continue" before a long body.
  for (const char* header : {"Accept: application/vnd.docker.plugins.v1.2+json",
                             "Content-Type: application/json",
                             "Host: plugin",
                             "Connection: close",
                             "Expect:"}) {
    curl_slist* longer = ::curl_slist_append(list, header);
    if (longer == nullptr) break;
    list = longer;
  }
  return Headers(list);
}

void prepare(CURL* easy, const HttpRequest& request, const std::string& url, Exchange& exchange) {
  ::curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.socket_path.c_str());
  ::curl_easy_setopt(easy, CURLOPT_PROXY, "");
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(easy, CURLOPT_POST, 1L);
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  ::curl_easy_setopt(
      easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header);
  ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
}

Error no_memory() { return Error(Code::kResourceExhausted, "no memory for an HTTP request"); }

/// Runs the transfer to its end; kDeadline and kCancelled leave it unfinished.
Result<Wake> run_transfer(CURLM* multi, CURLcode& outcome, const CallLimits& limits) {
  for (;;) {
    int running = 0;
    if (::curl_multi_perform(multi, &running) != CURLM_OK) return no_memory();
    int queued = 0;
    if (const CURLMsg* done = ::curl_multi_info_read(multi, &queued); done != nullptr) {
      outcome = done->data.result;
      return Wake::kReadable;
    }
    curl_waitfd cancel{.fd = limits.cancel_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
    const unsigned extra = limits.cancel_fd >= 0 ? 1 : 0;
    constexpr std::chrono::milliseconds kLongest{60'000};
    const auto time = static_cast<int>(std::min(limits.left(), kLongest).count());
    if (::curl_multi_poll(multi, &cancel, extra, time, nullptr) != CURLM_OK) return no_memory();
    if (cancel.revents != 0) return Wake::kCancelled;
    if (limits.left().count() == 0) return Wake::kDeadline;
  }
}

Error transfer_failed(CURLcode outcome, const Exchange& exchange) {
  if (exchange.too_big) {
    return Error(Code::kInternal,
                 fmt::format("the plugin's answer has more than {} bytes", kMaxReply))
        .with_reason("PLUGIN_REPLY_INVALID");
  }
  switch (outcome) {
    case CURLE_COULDNT_CONNECT:
      return Error(Code::kUnavailable, "the plugin does not listen")
          .with_reason("PLUGIN_UNREACHABLE")
          .as_retryable();
    // A send that failed may have been a connection refused for a full backlog, which curl takes
    // for one under way; it may as well have been seen.
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return Error(Code::kUnavailable,
                   "the plugin closed the connection before the end of its answer")
          .with_reason("PLUGIN_BROKE_OFF")
          .as_retryable();
    case CURLE_OUT_OF_MEMORY:
      return no_memory();
    default:
      return Error(Code::kInternal,
                   fmt::format("the plugin's answer is no HTTP: {}", ::curl_easy_strerror(outcome)))
          .with_reason("PLUGIN_REPLY_INVALID");
  }
}

Result<HttpReply> exchange_messages(const HttpRequest& request,
                                    Exchange& exchange,
                                    const CallLimits& limits) {
  const std::string url = "http://plugin" + request.path;
  const Headers headers = make_headers();
  const Multi multi(::curl_multi_init());
  const Easy easy(::curl_easy_init());
  if (multi == nullptr || easy == nullptr || headers == nullptr) return no_memory();
  prepare(easy.get(), request, url, exchange);
  ::curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  if (::curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK) return no_memory();
  CURLcode outcome = CURLE_OK;
  const auto wake = run_transfer(multi.get(), outcome, limits);
  ::curl_multi_remove_handle(multi.get(), easy.get());
  if (!wake) return wake.error();
  if (*wake == Wake::kCancelled) return cancelled("wait for the plugin");
  if (*wake == Wake::kDeadline) {
    return Error(Code::kDeadlineExceeded, "the plugin did not answer in time")
        .with_reason("PLUGIN_TIMEOUT")
        .as_retryable();
  }
  if (outcome != CURLE_OK) return transfer_failed(outcome, exchange);
  HttpReply reply;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(exchange.body);
  return reply;
}

}  // namespace

Result<HttpReply> post(const HttpRequest& request, const CallLimits& limits) {
  // Thread-safe since 7.84 where curl was built with threads, as Debian's is; and once all the
  // same.
  static const CURLcode kReady = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kReady != CURLE_OK) return no_memory();
  Exchange exchange;
  return exchange_messages(request, exchange, limits);
}

}  // namespace skerry::volumes
