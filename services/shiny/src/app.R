# Show the distribution of a column for each group of rows. The page updates when the file changes.
library(shiny)
library(htmltools)
library(bslib, warn.conflicts = FALSE)
library(ggplot2)

file <- "/data/raw/tumors.csv"
# The path of the file outside the container, for messages.
shown_path <- "data/raw/tumors.csv"
group <- "diagnosis"
palette <- c("#2c7fb8", "#d95f0e", "#31a354", "#756bb1", "#636363")

# Return the data, or a line that says why there is none.
read <- function(file) {
  if (!file.exists(file)) return(paste(shown_path, "is missing. Run: make data."))
  frame <- tryCatch(read.csv(file, check.names = FALSE), error = function(error) NULL)
  if (is.null(frame) || !any(vapply(frame, is.numeric, logical(1)))) {
    return(paste(shown_path, "has no numeric column. Remove it, then run: make data."))
  }
  # Without groups, all rows are in one group.
  if (!group %in% names(frame)) frame[[group]] <- "all"
  frame[[group]] <- factor(frame[[group]])
  frame
}

numbers <- function(frame) names(frame)[vapply(frame, is.numeric, logical(1))]

# Refuse web pages of other sites in the same browser: they must not read the data.
from_elsewhere <- function(request) {
  origin <- request$HTTP_ORIGIN
  !is.null(origin) && !identical(sub("^https?://", "", origin), request$HTTP_HOST)
}

ui <- page_sidebar(
  title = "Tumors",
  lang = "en",
  theme = bs_theme(version = 5, primary = palette[1]),
  # Otherwise browsers request an icon.
  tags$head(tags$link(rel = "icon", href = "data:,")),
  # Only date sliders use it, and Debian's Shiny lacks the file.
  suppressDependencies("strftime"),
  sidebar = sidebar(
    selectInput("column", "Column", NULL),
    sliderInput("bins", "Bins", min = 5, max = 60, value = 30, ticks = FALSE),
    checkboxGroupInput("groups", "Diagnosis", NULL)
  ),
  uiOutput("page", fill = TRUE)
)

server <- function(input, output, session) {
  if (from_elsewhere(session$request)) {
    session$close()
    return()
  }
  # An open page reconnects when the app restarts.
  session$allowReconnect("force")

  content <- reactiveFileReader(1000, session, file, read)
  problem <- reactive(if (is.character(content())) content())
  frame <- reactive({
    req(is.data.frame(content()))
    content()
  })

  observeEvent(frame(), {
    columns <- numbers(frame())
    groups <- levels(frame()[[group]])
    chosen <- intersect(input$groups, groups)
    updateSelectInput(session, "column", choices = columns, selected = c(intersect(input$column, columns), columns)[1])
    updateCheckboxGroupInput(session, "groups", choices = groups, selected = if (length(chosen)) chosen else groups)
  })

  rows <- reactive({
    req(input$column %in% numbers(frame()))
    validate(need(input$groups, "Choose a diagnosis."))
    data.frame(value = frame()[[input$column]], group = frame()[[group]]) |>
      subset(group %in% input$groups & !is.na(value))
  })

  output$page <- renderUI({
    if (!is.null(problem())) return(div(class = "alert alert-warning", role = "alert", problem()))
    tagList(
      card(card_header("Distribution"), plotOutput("histogram", height = "100%"), min_height = 300),
      card(card_header("Summary"), tableOutput("summary"), fill = FALSE)
    )
  })

  output$histogram <- renderPlot(
    {
      colors <- setNames(rep_len(palette, nlevels(rows()$group)), levels(rows()$group))
      ggplot(rows(), aes(value, fill = group)) +
        geom_histogram(bins = input$bins, position = "identity", alpha = 0.6, color = "white") +
        scale_fill_manual(values = colors, name = NULL) +
        labs(x = input$column, y = "rows") +
        theme_minimal(base_size = 13) +
        theme(legend.position = "top")
    },
    res = 96,
    alt = reactive(paste("Histogram of", input$column, "in", input$bins, "bins"))
  )

  output$summary <- renderTable(
    {
      parts <- split(rows()$value, droplevels(rows()$group))
      data.frame(
        group = names(parts),
        rows = lengths(parts),
        mean = vapply(parts, mean, numeric(1)),
        sd = vapply(parts, sd, numeric(1)),
        median = vapply(parts, median, numeric(1)),
        min = vapply(parts, min, numeric(1)),
        max = vapply(parts, max, numeric(1))
      )
    },
    digits = 3,
    width = "100%"
  )
}

shinyApp(ui, server)
