typedef int placeholder_schedulers;
