/* Machine and environment facts from /proc, /sys and the C library; see machine.h. */
#define _GNU_SOURCE
#include "harness/machine.h"

#include <glob.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>

/* The first line of a file without its newline; false if it cannot be read or is empty. */
static bool read_line(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool ok = fgets(text, (int)size, file) && text[strcspn(text, "\n")] == '\n';
    fclose(file);
    if (ok) text[strcspn(text, "\n")] = 0;
    return ok && text[0];
}

/* The value of the first "key : value" line of /proc/cpuinfo. */
static bool read_cpuinfo(const char *key, char *text, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[8192];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(text, size, "%s", colon + 1 + (colon[1] == ' '));
        found = true;
    }
    if (file) fclose(file);
    return found;
}

static void describe_cpu(char *text, size_t size) {
    char part[64], implementer[64];
    if (read_cpuinfo("model name", text, size)) return;
    if (read_line("/sys/firmware/devicetree/base/model", text, size)) return;
    if (read_cpuinfo("CPU part", part, sizeof part) &&
        read_cpuinfo("CPU implementer", implementer, sizeof implementer)) {
        snprintf(text, size, "implementer %s part %s", implementer, part);
        return;
    }
    snprintf(text, size, "unknown");
}

static bool has_hypervisor(void) {
    char flags[8192];
    return read_cpuinfo("flags", flags, sizeof flags) && strstr(flags, " hypervisor");
}

json_t *machine_describe(const struct placement *placement) {
    char cpu[256], topology[160], key[1024], fingerprint[32];
    struct utsname name;
    describe_cpu(cpu, sizeof cpu);
    placement_describe(placement, topology, sizeof topology);
    if (uname(&name) != 0) memset(&name, 0, sizeof name);
    snprintf(key, sizeof key, "%s|%s|%s|%s", cpu, name.machine, topology,
             has_hypervisor() ? "vm" : "metal");
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, XXH3_64bits(key, strlen(key)));
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:b, s:s}", "cpu", cpu, "architecture",
        name.machine, "topology", topology, "cores", (int)placement_core_count(placement), "pus",
        (int)placement_pu_count(placement), "packages", (int)placement_package_count(placement),
        "memory_bytes", (json_int_t)pages * page, "os", name.sysname, "kernel", name.release,
        "libc", gnu_get_libc_version(), "hypervisor", has_hypervisor(), "fingerprint", fingerprint);
}

static const struct {
    const char *name, *path;
} files[] = {
    {"governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"},
    {"frequency_driver", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver"},
    {"frequency_max_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq"},
    {"frequency_min_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq"},
    {"boost", "/sys/devices/system/cpu/cpufreq/boost"},
    {"intel_no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo"},
    {"smt_active", "/sys/devices/system/cpu/smt/active"},
    {"isolated_cpus", "/sys/devices/system/cpu/isolated"},
    {"numa_balancing", "/proc/sys/kernel/numa_balancing"},
    {"transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled"},
    {"randomize_va_space", "/proc/sys/kernel/randomize_va_space"},
    {"perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid"},
    {"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
    {"cgroup_cpu_max", "/sys/fs/cgroup/cpu.max"},
    {"cgroup_cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"},
    {"load_average", "/proc/loadavg"},
    {"cpu_pressure", "/proc/pressure/cpu"},
    {"kernel_command_line", "/proc/cmdline"},
};

/* "off" on battery, "on" where a power supply says so; nothing on machines without either. */
static void describe_power(json_t *environment) {
    glob_t found;
    char text[16];
    if (glob("/sys/class/power_supply/*/online", 0, NULL, &found) != 0) return;
    bool known = false, online = false;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (read_line(found.gl_pathv[i], text, sizeof text)) {
            known = true;
            online |= strcmp(text, "1") == 0;
        }
    globfree(&found);
    if (known) json_object_set_new(environment, "mains_power", json_string(online ? "on" : "off"));
}

json_t *machine_environment(void) {
    json_t *object = json_object();
    char text[4096];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (read_line(files[i].path, text, sizeof text))
            json_object_set_new(object, files[i].name, json_string(text));
        else
            json_object_set_new(object, files[i].name,
                                json_pack("{s:s+}", "unavailable", "cannot read ", files[i].path));
    }
    if (read_cpuinfo("microcode", text, sizeof text))
        json_object_set_new(object, "microcode", json_string(text));
    describe_power(object);
    const char *preload = getenv("LD_PRELOAD");
    if (preload) json_object_set_new(object, "ld_preload", json_string(preload));
    return object;
}

static void warn(json_t *warnings, const char *text) {
    json_array_append_new(warnings, json_string(text));
}

json_t *machine_warnings(const json_t *environment, const struct placement *placement) {
    json_t *warnings = json_array();
    const char *governor = json_string_value(json_object_get(environment, "governor"));
    const char *load = json_string_value(json_object_get(environment, "load_average"));
    const char *numa = json_string_value(json_object_get(environment, "numa_balancing"));
    const char *quota = json_string_value(json_object_get(environment, "cgroup_cpu_max"));
    char text[200];
    if (governor && strcmp(governor, "performance") != 0) {
        snprintf(text, sizeof text, "the CPU frequency governor is '%s', not 'performance'",
                 governor);
        warn(warnings, text);
    }
    if (load && strtod(load, NULL) > 0.5 * placement_pu_count(placement)) {
        snprintf(text, sizeof text, "the machine is busy: load average %.2f on %u PUs",
                 strtod(load, NULL), placement_pu_count(placement));
        warn(warnings, text);
    }
    if (numa && strcmp(numa, "0") != 0) warn(warnings, "NUMA balancing is on and moves memory");
    if (quota && strncmp(quota, "max", 3) != 0) {
        snprintf(text, sizeof text, "a cgroup limits CPU time: cpu.max is '%s'", quota);
        warn(warnings, text);
    }
    quota = json_string_value(json_object_get(environment, "cgroup_cfs_quota_us"));
    if (quota && strtol(quota, NULL, 10) > 0) {
        snprintf(text, sizeof text, "a cgroup limits CPU time: cpu.cfs_quota_us is %s", quota);
        warn(warnings, text);
    }
    const char *random = json_string_value(json_object_get(environment, "randomize_va_space"));
    if (random && strcmp(random, "2") != 0)
        warn(warnings, "address randomisation is not full: the processes of an arm are laid out "
                       "alike, and what that is worth does not show");
    const char *power = json_string_value(json_object_get(environment, "mains_power"));
    if (power && strcmp(power, "off") == 0) warn(warnings, "the machine runs on battery");
    if (has_hypervisor()) warn(warnings, "this is a virtual machine: neighbours may interfere");
    return warnings;
}
