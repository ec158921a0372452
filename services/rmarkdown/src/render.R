# Render the report REPORT with the parameters PARAMS to the HTML file OUTPUT. All three are environment variables.

fail <- function(...) {
  message <- trimws(gsub("[[:space:]]+", " ", paste0(...)))
  cat("error: ", sub("[.]?$", ".", message), "\n", sep = "", file = stderr())
  quit(status = 1)
}

# Return "column=mean area; bins=20" as a named vector. A semicolon separates only if a name and = follow.
split_parameters <- function(text) {
  pieces <- strsplit(trimws(text), ";[[:space:]]*(?=[A-Za-z][A-Za-z0-9_.]*=)", perl = TRUE)[[1]]
  pieces <- sub(";$", "", trimws(pieces))
  if (any(bad <- !grepl("^[A-Za-z][A-Za-z0-9_.]*=", pieces))) {
    fail("PARAMS contains '", pieces[bad][1], "'. Write name=value, separated by semicolons.")
  }
  setNames(sub("^[^=]*=", "", pieces), sub("=.*", "", pieces))
}

parameters <- function(report) {
  lapply(knitr::knit_params(readLines(report, warn = FALSE)), function(parameter) parameter$value)
}

# Convert each value to the type of the report's default. A value is text and never run as code.
convert <- function(given, known) {
  unknown <- setdiff(names(given), names(known))
  if (length(unknown)) {
    hint <- if (length(known)) paste0("Use ", paste(names(known), collapse = ", ")) else "It has none"
    fail("the report has no parameter '", unknown[1], "'. ", hint)
  }
  values <- list()
  for (name in names(given)) {
    value <- given[[name]]
    default <- known[[name]]
    if (is.numeric(default)) {
      value <- suppressWarnings(as.numeric(value))
      if (is.na(value)) fail(name, "=", given[[name]], " is not a number. Its default is ", default)
    } else if (is.logical(default)) {
      value <- as.logical(toupper(value))
      if (is.na(value)) fail(name, "=", given[[name]], " is not true or false. Its default is ", default)
    }
    values[[name]] <- value
  }
  values
}

# Return the first HTML format of the report, changed to write a single file.
html_format <- function(report) {
  formats <- rmarkdown::all_output_formats(report)
  name <- c(grep("html", formats, value = TRUE), "html_document")[1]
  format <- rmarkdown::resolve_output_format(report, name, output_options = list(self_contained = TRUE))
  # The folders in which pandoc looks for images.
  format$pandoc$args <- c(format$pandoc$args, "--resource-path", "beside:project")
  format
}

render <- function(report, html, given) {
  # Render a copy with a plain name, because pandoc is called through a shell.
  scratch <- tempfile("render")
  dir.create(scratch)
  copied <- file.path(scratch, "report.Rmd")
  root <- getwd()
  file.copy(report, copied)
  file.symlink(c(root, normalizePath(dirname(report))), file.path(scratch, c("project", "beside")))
  lines <- ""
  note_lines <- function(condition) {
    # If code fails, knitr prints "Quitting from mine.Rmd:5-7 [name]".
    text <- gsub("[[:space:]]+", " ", conditionMessage(condition))
    if (grepl("Quitting from", text)) lines <<- sub(".*?([0-9]+-[0-9]+).*", ", lines \\1", text, perl = TRUE)
    invokeRestart("muffleMessage")
  }
  rendered <- tryCatch(
    withCallingHandlers(
      {
        # Evaluate this before render() changes the working directory.
        values <- convert(given, parameters(copied))
        rmarkdown::render(
          copied,
          output_format = html_format(copied),
          # Paths in the report's code are relative to the project's folder.
          knit_root_dir = root,
          params = values,
          envir = new.env(parent = globalenv()),
          quiet = TRUE
        )
      },
      message = note_lines,
      warning = function(warning) invokeRestart("muffleWarning")
    ),
    error = function(error) {
      text <- trimws(conditionMessage(error))
      if (!grepl("[.]$", text)) text <- paste0(text, ". Fix it; ", html, " was not written")
      fail(report, lines, ": ", text)
    }
  )
  # Replace the file in one step, so that a reader sees either the old report or the new one.
  dir.create(dirname(html), showWarnings = FALSE, recursive = TRUE)
  temporary <- tempfile(".report", tmpdir = dirname(html), fileext = ".html")
  on.exit(unlink(temporary))
  written <- suppressWarnings(file.copy(rendered, temporary) && file.rename(temporary, html))
  if (!written) fail(html, " cannot be written. Check who owns its folder")
}

report <- Sys.getenv("REPORT")
html <- Sys.getenv("OUTPUT")
render(report, html, split_parameters(Sys.getenv("PARAMS")))
cat("wrote ", html, "\n", sep = "")
