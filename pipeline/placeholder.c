typedef int placeholder_pipeline;
