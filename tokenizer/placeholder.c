typedef int placeholder_tokenizer;
