#include "floor.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Shared between the workers and their parent.
struct results {
  double started_us[64], ended_us[64];
  int done[64];
  double samples[];  // exit, undone of each round; worker i's rounds begin at i * per_worker
};

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

_Noreturn void fail(const char* step, const char* object) {
  (void)fprintf(stderr, "floor: %s %s: %s\n", step, object, strerror(errno));
  _exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void launch_once(const struct floor* floor, int worker, double* sample) {
  struct container container;
  (void)snprintf(container.name, sizeof container.name, "%d-%d", (int)getpid(), worker);
  const double start = now_us();
  launch_start(floor, &container, NULL);
  const int status = launch_wait(&container);
  sample[0] = now_us() - start;
  launch_undo(floor, &container);
  sample[1] = now_us() - start;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    errno = 0;
    (void)fprintf(stderr, "floor: the container ended with wait status %#x\n", (unsigned)status);
    _exit(1);
  }
}

static void work(const struct floor* floor, struct results* results, int worker, int rounds) {
  const struct options* options = &floor->options;
  const struct timespec gap = {.tv_sec = options->gap_ms / 1000,
                               .tv_nsec = options->gap_ms % 1000 * 1000000L};
  double unused[2];
  for (int i = 0; i < options->warmup && !stopping; i++) launch_once(floor, worker, unused);
  results->started_us[worker] = now_us();
  double* sample = &results->samples[2L * rounds * worker];
  for (int i = 0; i < rounds && !stopping; i++, sample += 2) {
    if (options->gap_ms > 0) nanosleep(&gap, NULL);
    launch_once(floor, worker, sample);
    results->done[worker]++;
  }
  results->ended_us[worker] = now_us();
}

static int work_in_parallel(const struct floor* floor, struct results* results, int rounds) {
  pid_t workers[64];
  for (int i = 0; i < floor->options.workers; i++) {
    const pid_t parent = getpid();
    workers[i] = fork();
    if (workers[i] < 0) fail("fork", "worker");
    if (workers[i] > 0) continue;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    work(floor, results, i, rounds);
    _exit(0);
  }
  int result = 0;
  for (int i = 0; i < floor->options.workers; i++) {
    int status = 0;
    while (waitpid(workers[i], &status, 0) < 0 && errno == EINTR) {
      for (int k = i; k < floor->options.workers; k++) kill(workers[k], SIGTERM);
    }
    if (status != 0) result = -1;
  }
  return result;
}

static struct container* start_running(const struct floor* floor) {
  const int count = floor->options.running;
  struct container* running = calloc((size_t)count + 1, sizeof *running);
  if (running == NULL) fail("allocate", "containers");
  for (int i = 0; i < count && !stopping; i++) {
    (void)snprintf(running[i].name, sizeof running[i].name, "running-%d", i);
    launch_start(floor, &running[i], "pause");
  }
  return running;
}

static void stop_running(const struct floor* floor, struct container* running) {
  const int count = floor->options.running;
  for (int i = 0; i < count && running[i].pid > 0; i++) kill(running[i].pid, SIGKILL);
  for (int i = 0; i < count && running[i].pid > 0; i++) {
    if (!WIFSIGNALED(launch_wait(&running[i]))) {
      (void)fprintf(stderr, "floor: %s had ended before its time\n", running[i].name);
    }
    launch_undo(floor, &running[i]);
  }
  free(running);
}

static int compare(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}

static void print_series(const char* name, const double* samples, int count, bool json) {
  double* sorted = malloc(sizeof(double) * (size_t)count);
  if (sorted == NULL) fail("allocate", "samples");
  memcpy(sorted, samples, sizeof(double) * (size_t)count);
  qsort(sorted, (size_t)count, sizeof(double), compare);
  const double median = (sorted[count / 2] + sorted[(count - 1) / 2]) / 2;
  const double p90 = sorted[(count * 9 - 1) / 10];
  if (!json) {
    printf("%-14s median %8.0f  p90 %8.0f  min %8.0f us\n", name, median, p90, sorted[0]);
  } else {
    printf("\"%s\": {\"median\": %.1f, \"p90\": %.1f, \"min\": %.1f, \"samples\": [",
           name,
           median,
           p90,
           sorted[0]);
    for (int i = 0; i < count; i++) printf("%s%.1f", i > 0 ? ", " : "", samples[i]);
    printf("]}, ");
  }
  free(sorted);
}

static void print_results(const struct options* options, struct results* results, int per_worker) {
  double* exited = malloc(sizeof(double) * (size_t)(per_worker * options->workers));
  double* undone = malloc(sizeof(double) * (size_t)(per_worker * options->workers));
  if (exited == NULL || undone == NULL) fail("allocate", "samples");
  int count = 0;
  double first = results->started_us[0];
  double last = results->ended_us[0];
  for (int i = 0; i < options->workers; i++) {
    if (results->started_us[i] < first) first = results->started_us[i];
    if (results->ended_us[i] > last) last = results->ended_us[i];
    for (int k = 0; k < results->done[i]; k++, count++) {
      const double* sample = &results->samples[2L * (per_worker * i + k)];
      exited[count] = sample[0];
      undone[count] = sample[1];
    }
  }
  if (count == 0) exit(1);
  const double rate = count / (last - first) * 1e6;
  if (options->json) putchar('{');
  print_series(options->json ? "exit_us" : "launch→exit", exited, count, options->json);
  print_series(options->json ? "undone_us" : "launch→undone", undone, count, options->json);
  printf(options->json ? "\"launches_per_s\": %.1f, \"rounds\": %d, \"workers\": %d, "
                         "\"running\": %d, \"gap_ms\": %d}\n"
                       : "%.0f launches/s (%d rounds, %d workers, %d running, gap %d ms)\n",
         rate,
         count,
         options->workers,
         options->running,
         options->gap_ms);
  free(undone);
  free(exited);
}

static const char usage[] =
    "usage: floor --lower DIR --scratch DIR [--rounds N] [--warmup N] [--gap-ms G] [--workers W]\n"
    "             [--running N] [--net | --no-net] [--cgroup-mounts all|unified] [--json]\n";

static int number(const char* text, int least, int most) {
  char* end = NULL;
  const long value = strtol(text, &end, 10);
  if (end != text && *end == '\0' && value >= least && value <= most) return (int)value;
  (void)fprintf(stderr, "floor: '%s' is not a number from %d to %d\n", text, least, most);
  exit(2);
}

static void take_option(struct options* options, int which) {
  switch (which) {
    case 'l':
      options->lower = optarg;
      break;
    case 's':
      options->scratch = optarg;
      break;
    case 'r':
      options->rounds = number(optarg, 1, 1000000);
      break;
    case 'u':
      options->warmup = number(optarg, 0, 1000000);
      break;
    case 'g':
      options->gap_ms = number(optarg, 0, 60000);
      break;
    case 'w':
      options->workers = number(optarg, 1, 64);
      break;
    case 'k':
      options->running = number(optarg, 0, 100000);
      break;
    case 'n':
      options->net = true;
      break;
    case 'N':
      options->net = false;
      break;
    case 'j':
      options->json = true;
      break;
    case 'c':
      options->all_cgroups = strcmp(optarg, "all") == 0;
      if (options->all_cgroups || strcmp(optarg, "unified") == 0) break;
      // fallthrough
    default:
      (void)fputs(usage, stderr);
      exit(2);
  }
}

static struct options parse(int argc, char** argv) {
  static const struct option names[] = {{"lower", required_argument, NULL, 'l'},
                                        {"scratch", required_argument, NULL, 's'},
                                        {"rounds", required_argument, NULL, 'r'},
                                        {"warmup", required_argument, NULL, 'u'},
                                        {"gap-ms", required_argument, NULL, 'g'},
                                        {"workers", required_argument, NULL, 'w'},
                                        {"running", required_argument, NULL, 'k'},
                                        {"net", no_argument, NULL, 'n'},
                                        {"no-net", no_argument, NULL, 'N'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"cgroup-mounts", required_argument, NULL, 'c'},
                                        {NULL, 0, NULL, 0}};
  struct options options = {
      .rounds = 100, .warmup = 3, .workers = 1, .net = true, .all_cgroups = true};
  int which = 0;
  while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) take_option(&options, which);
  if (optind == argc && options.lower != NULL && options.scratch != NULL) return options;
  (void)fputs(usage, stderr);
  exit(2);
}

static int read_last_cap(void) {
  FILE* file = fopen("/proc/sys/kernel/cap_last_cap", "re");
  int last = 0;
  if (file == NULL || fscanf(file, "%d", &last) != 1) fail("read", "cap_last_cap");
  (void)fclose(file);
  return last;
}

int main(int argc, char** argv) {
  struct floor floor = {.options = parse(argc, argv)};
  const struct sigaction action = {.sa_handler = on_signal};
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  const struct options* options = &floor.options;
  const int per_worker = (options->rounds + options->workers - 1) / options->workers;
  const size_t size =
      sizeof(struct results) + sizeof(double) * 2 * (size_t)(per_worker * options->workers);
  struct results* results =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED) fail("mmap", "results");
  floor.last_cap = read_last_cap();
  floor.seccomp = profile_build();
  cgroups_open(&floor.cgroups);
  launch_prepare(&floor);
  struct container* running = start_running(&floor);
  int result = 0;
  if (options->workers == 1) {
    work(&floor, results, 0, per_worker);
  } else {
    result = work_in_parallel(&floor, results, per_worker);
  }
  stop_running(&floor, running);
  if (cgroups_close(&floor.cgroups) != 0 || result != 0) return 1;
  print_results(options, results, per_worker);
  return stopping ? 130 : 0;
}
