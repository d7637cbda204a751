/** What is heavy about a run happens here: fetching, parsing and layout. */

export {};
