typedef int placeholder_results;
